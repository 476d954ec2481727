import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { nodeOfMajor } from './harness/node-version';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

/** What README and package.json promise: the oldest that works, and every long-term release since. */
const SUPPORTED = [20, 22, 24, 26];
/** All other tests run under this one. */
const CURRENT = Number.parseInt(process.versions.node, 10);

describe('the built product', () => {
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let stack: Stack | null = null;

  beforeAll(async () => {
    broker = await startMosquitto();
    receiver = await startHttpReceiver();
    publisher = await startPublisher(broker.url);
  });
  afterEach(async () => {
    await stack?.stop();
    stack = null;
  });
  afterAll(async () => {
    await publisher?.end();
    await receiver?.stop();
    await broker?.stop();
  });

  it.each(SUPPORTED.filter((major) => major !== CURRENT))(
    'brings a message from the broker to a webhook under Node.js %i',
    async (major) => {
      const node = await nodeOfMajor(major);
      stack = await startStack({ queue: 'postgres', node });
      const product = await stack.newProduct({
        name: `node ${major}`,
        broker: { host: '127.0.0.1', port: broker.port, use_tls: false },
        subscriptions: [
          {
            name: 'orders',
            topic: `node-${major}/orders/{+id}`,
            filter: 'payload.total > 100',
            actions: [{ type: 'webhook', url: `${receiver.url}/${major}`, body: '{"order": "{{params.id}}"}' }],
          },
        ],
      });
      const listener = await stack.startListener(product);
      await product.untilSettled();
      await publisher.publish(`node-${major}/orders/7`, JSON.stringify({ total: 120 }));
      const arrived = () => receiver.requests.find(({ url }) => url === `/${major}`);
      const request = await waitFor(arrived, { timeout_ms: PATIENCE_MS });
      expect(request.json()).toEqual({ order: '7' });
      expect(await listener.stop()).toBe(0);
      expect(listener.output()).not.toMatch(/DeprecationWarning|ExperimentalWarning/);
    },
  );
});
