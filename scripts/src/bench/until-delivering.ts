import type { Mosquitto } from '@cortex-mqtt/testing';
import type { HttpSinkMethods } from './workers/http-sink';
import type { PublisherMethods } from './workers/publisher';
import { now_ms, type Worker } from './workers/worker';

const EVERY_MS = 20;
const LIMIT_MS = 60_000;

/** Publishes until a webhook comes of it. Returns when that was, milliseconds of the shared clock. */
export async function untilDelivering(deps: {
  broker: Mosquitto;
  publisher: Worker<PublisherMethods>;
  sink: Worker<HttpSinkMethods>;
}): Promise<number> {
  const { broker, publisher, sink } = deps;
  await sink.call('reset', { delay_ms: 0 });
  const until_ms = now_ms() + LIMIT_MS;
  while (now_ms() < until_ms) {
    await publisher.call('burst', { port: broker.port, topics: ['bench/ready'], count: 1, payload_bytes: 64 });
    const { received, first_ms } = await sink.call('expect', { count: 1, timeout_ms: EVERY_MS });
    if (received > 0) return first_ms;
  }
  throw new Error(`no webhook came within ${LIMIT_MS} ms`);
}
