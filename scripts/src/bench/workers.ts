import { join } from 'node:path';
import type { BenchContext } from './figure';
import type { FleetListenersMethods } from './workers/fleet-listeners';
import type { HttpSinkMethods } from './workers/http-sink';
import type { PlainSenderMethods } from './workers/plain-sender';
import type { PlainSubscriberMethods } from './workers/plain-subscriber';
import type { PublisherMethods } from './workers/publisher';
import type { StubBrokerMethods } from './workers/stub-broker';
import { startWorker, type Worker } from './workers/worker';

/** Every kind of worker and what it can be asked. */
interface WorkerKinds {
  'fleet-listeners': FleetListenersMethods;
  'http-sink': HttpSinkMethods;
  'plain-sender': PlainSenderMethods;
  'plain-subscriber': PlainSubscriberMethods;
  publisher: PublisherMethods;
  'stub-broker': StubBrokerMethods;
}

/** Starts a worker that ends with the measurement. */
export async function openWorker<K extends keyof WorkerKinds>(
  kind: K,
  context: BenchContext,
): Promise<Worker<WorkerKinds[K]>> {
  const worker = await startWorker<WorkerKinds[K]>(join(__dirname, 'workers', `${kind}.js`));
  context.stops.push(() => worker.stop());
  return worker;
}

/** A receiver of webhooks and its port. */
export async function openSink(context: BenchContext): Promise<{ sink: Worker<HttpSinkMethods>; port: number }> {
  const sink = await openWorker('http-sink', context);
  return { sink, port: await sink.call('listen', null) };
}
