import { setTimeout as delay } from 'node:timers/promises';
import type { EmbeddedBroker } from '@cortex-mqtt/embedded';
import type { DataFolder, RememberedPorts } from '../up/data-folder';
import type { Progress } from '../up/progress';
import type { RestClient } from '../up/rest-client';
import { startDemoPublisher } from './demo-publisher';
import { startDemoReceiver } from './demo-receiver';
import { seedDemo } from './seed-demo';

export interface DemoDeps {
  rest: RestClient;
  data: DataFolder;
  broker: EmbeddedBroker;
  previous: RememberedPorts;
  progress: Progress;
  signal: AbortSignal;
}

const INTERVAL_MS = 2_000;
const FIRST_EVENT_TIMEOUT_MS = 30_000;

/**
 * Starts what the demo product lives on, seeds it, and waits for the first event to come out at the other end.
 *
 * @returns a sentence about what can be seen
 */
export async function startDemo(deps: DemoDeps, stops: (() => Promise<void>)[]): Promise<string> {
  const { rest, data, broker, progress, signal } = deps;
  const { broker_username: username, broker_password: password } = data.secrets();
  const receiver = await startDemoReceiver(deps.previous.demo_receiver);
  stops.push(() => receiver.stop());
  const productId = await progress.step('preparing the demo product', () =>
    seedDemo(rest, {
      broker: { port: broker.port, username, password },
      webhookUrl: receiver.url,
      previous: deps.previous,
    }),
  );
  data.savePorts({ demo_receiver: receiver.port });
  const publisher = await startDemoPublisher({ brokerUrl: broker.url, username, password, interval_ms: INTERVAL_MS });
  stops.push(() => publisher.stop());
  const where = `http://127.0.0.1:${receiver.port}/`;
  const arrived = await progress.step('waiting for the first demo event at its webhook', () =>
    firstEvent(() => receiver.count() > 0, signal),
  );
  return arrived
    ? `demo events flow every ${INTERVAL_MS / 1000} s; see what the webhook gets: ${where}`
    : `no demo event has reached its webhook (${where}) yet; ` +
        `if the demo product was changed or disabled that is why, else see GET /api/v1/products/${productId}/mqtt-config/status`;
}

async function firstEvent(arrived: () => boolean, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + FIRST_EVENT_TIMEOUT_MS;
  while (!arrived() && Date.now() < deadline) {
    await delay(50, undefined, { signal });
  }
  return arrived();
}
