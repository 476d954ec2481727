import { existsSync, readdirSync } from 'node:fs';
import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

const POLLING = { POLL_INTERVAL: '1s', HEARTBEAT_INTERVAL: '1s' };

describe('where a listener has its configuration from', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let product: TestProduct;
  let listener: TestListener;

  const untilHealth = (wanted: Record<string, unknown>, of: TestListener = listener) =>
    waitFor(
      async () => {
        const health = await of.health();
        return Object.entries(wanted).every(([key, value]) => health[key] === value) && health;
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 50, message: () => `${JSON.stringify(wanted)}:\n${of.output()}` },
    );

  beforeAll(async () => {
    broker = await startMosquitto();
    receiver = await startHttpReceiver();
    stack = await startStack({ queue: 'postgres', stale_after_ms: 5_000 });
    product = await stack.newProduct({
      name: 'sources',
      broker: { host: '127.0.0.1', port: broker.port },
      subscriptions: [{ name: 'all', topic: 'a', actions: [{ id: 'hook', type: 'webhook', url: receiver.url }] }],
    });
    listener = await stack.startListener(product, { env: POLLING });
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  it('is the last known good on disk when the orchestrator is down at its start', async () => {
    await stack.orchestrator.stop();
    await listener.stop();
    await listener.start();
    expect(await untilHealth({ state: 'connected' })).toMatchObject({ config_source: 'last_known_good' });
    await publisher.publish('a', '{"n": 1}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
  });

  it('is the environment when there is nothing on disk either', async () => {
    const fresh = await stack.startListener(product, {
      instance_id: 'fresh',
      env: {
        ...POLLING,
        MQTT_HOST: '127.0.0.1',
        MQTT_PORT: String(broker.port),
        MQTT_SUBSCRIPTIONS: JSON.stringify([
          { name: 'env', topic: 'env', actions: [{ id: 'hook', type: 'webhook', url: `${receiver.url}/env` }] },
        ]),
      },
    });
    expect(await untilHealth({ state: 'connected' }, fresh)).toMatchObject({ config_source: 'environment' });
    receiver.clear();
    await publisher.publish('env', '{"n": 1}');
    const [request] = await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    expect(request?.url).toBe('/env');
    await fresh.stop();
  });

  it('is the orchestrator again as soon as it answers', async () => {
    await stack.startOrchestrator();
    await untilHealth({ config_source: 'orchestrator', state: 'connected' });
    await product.untilStatus('the listener to tell it', ({ connected, instances }) =>
      instances.some((one) => connected && one.id === listener.instance_id && one.config_source === 'orchestrator'),
    );
  });

  it('is nothing any more once its token is revoked: it disconnects and forgets what was on disk', async () => {
    await stack.rest.call('DELETE', `/products/${product.id}/listener-tokens/${product.listener_token_id}`);
    const health = await untilHealth({ state: 'unconfigured' });
    expect(health.reason).toMatch(/token/i);
    await waitFor(() => !readdirSync(listener.data_dir).includes('last-known-good'), { timeout_ms: PATIENCE_MS });
    await product.untilStatus('not connected', ({ connected }) => !connected);
    await listener.stop();
    await stack.orchestrator.stop();
    await listener.start();
    expect(await listener.health()).toMatchObject({ applied_revision: null });
    expect(existsSync(`${listener.data_dir}/last-known-good`)).toBe(false);
  });
});
