import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

jest.setTimeout(240_000);

const STALE_AFTER_MS = 4_000;

describe('the status of a listener that is gone', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let product: TestProduct;

  beforeAll(async () => {
    broker = await startMosquitto();
    stack = await startStack({ queue: 'postgres', stale_after_ms: STALE_AFTER_MS });
    product = await stack.newProduct({ name: 'truth', broker: { host: '127.0.0.1', port: broker.port } });
  });

  afterAll(async () => {
    await stack?.stop();
    await broker?.stop();
  });

  it('is "no listener" before there is one', async () => {
    expect(await product.status()).toMatchObject({ connected: false, state: 'no_listener', instances: [] });
  });

  it('is stale and not connected once the heartbeat of a killed listener is missed', async () => {
    const listener = await stack.startListener(product, { env: { HEARTBEAT_INTERVAL: '1s' } });
    await product.untilSettled();
    await listener.kill();
    const killed_at = Date.now();
    const status = await product.untilStatus('stale', ({ state }) => state === 'stale');
    console.info(`kill -9 → stale after ${Date.now() - killed_at} ms, with STALE_AFTER=${STALE_AFTER_MS} ms`);
    expect(status).toMatchObject({ connected: false, applied_revision: null, subscribed_topics_count: 0 });
    expect(status.connection_error).toMatch(/no heartbeat since/i);
    expect(status.instances).toMatchObject([{ id: listener.instance_id, state: 'stale' }]);
    await waitFor(
      async () => {
        const path = `/products/${product.id}/mqtt-config/events?page_size=50`;
        const { items } = await stack.rest.call<{ items: { type: string }[] }>('GET', path);
        return items.some(({ type }) => type === 'heartbeat_lost');
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 100, message: 'the lost heartbeat to be in the history' },
    );
  });

  it('is connected again with the next process of the same name, and never counts twice', async () => {
    const listener = await stack.startListener(product, { env: { HEARTBEAT_INTERVAL: '1s' } });
    const status = await product.untilSettled();
    expect(status.instances).toHaveLength(1);
    expect(await listener.stop()).toBe(0);
    const gone = await product.untilStatus('no listener', ({ state }) => state === 'no_listener');
    expect(gone).toMatchObject({
      connected: false,
      instances: [],
      connection_error: expect.stringMatching(/no listener/i),
    });
  });

  it('tells of the one that lives when another of the same product has died', async () => {
    const first = await stack.startListener(product, { instance_id: 'first', env: { HEARTBEAT_INTERVAL: '1s' } });
    const second = await stack.startListener(product, { instance_id: 'second', env: { HEARTBEAT_INTERVAL: '1s' } });
    await product.untilStatus('both', ({ instances }) => instances.length === 2);
    await second.kill();
    const status = await product.untilStatus('one stale', ({ instances }) =>
      instances.some(({ id, state }) => id === 'second' && state === 'stale'),
    );
    expect(status.instances.find(({ id }) => id === 'first')?.state).not.toBe('stale');
    await product.untilStatus('the first at work', ({ connected }) => connected);
    await first.stop();
  });
});

describe('the session of a product', () => {
  let stack: Stack;
  let broker: Mosquitto;

  beforeAll(async () => {
    broker = await startMosquitto();
    stack = await startStack({ queue: 'postgres' });
  });

  afterAll(async () => {
    await stack?.stop();
    await broker?.stop();
  });

  it('is not lost at its first connection, and told when the broker loses it: status, history and audit log', async () => {
    const product = await stack.newProduct({
      name: 'memory',
      broker: { host: '127.0.0.1', port: broker.port },
      subscriptions: [{ name: 'all', topic: 'orders/#', actions: [{ id: 'log', type: 'log' }] }],
    });
    const path = `/products/${product.id}`;
    const losses = async (): Promise<{ history: number; audit: number }> => {
      const history = await stack.rest.call<{ total: number }>('GET', `${path}/mqtt-config/events?type=session_lost`);
      const audit = await stack.rest.call<{ total: number }>(
        'GET',
        `${path}/audit-logs?action=connection.session_lost`,
      );
      return { history: history.total, audit: audit.total };
    };
    await stack.startListener(product);
    const first = await product.untilSettled();
    expect(first.warnings).toEqual([]);
    expect(await losses()).toEqual({ history: 0, audit: 0 });

    // Without persistence it comes back without its sessions.
    await broker.restart();
    const status = await product.untilStatus(
      'the loss',
      ({ connected, warnings }) => connected && warnings.some(({ code }) => code === 'SESSION_LOST'),
    );
    expect(status.instances[0]?.report.reason_code).toBeNull();
    expect(await losses()).toEqual({ history: 1, audit: 1 });
  });

  it.each([
    ['another instance takes its turn', {}, ['first', 'second', 'third']],
    ['an instance of a group begins anew', { use_shared: true }, ['worker', 'worker', 'worker']],
  ])('is missed also when %s without a disk of its own', async (_who, topics, [first, second, third]) => {
    const product = await stack.newProduct({
      name: 'no disk',
      broker: { host: '127.0.0.1', port: broker.port },
      topics,
      subscriptions: [{ name: 'all', topic: 'orders/#', actions: [{ id: 'log', type: 'log' }] }],
    });
    const codes = async (): Promise<string[]> => (await product.untilSettled()).warnings.map(({ code }) => code);
    const before = await stack.startListener(product, { instance_id: first });
    await product.untilSettled();
    await before.stop();
    // It finds the session.
    const successor = await stack.startListener(product, { instance_id: second });
    expect(await codes()).toEqual([]);
    await successor.stop();
    await broker.restart();
    const last = await stack.startListener(product, { instance_id: third });
    const status = await product.untilStatus('the loss', ({ warnings }) =>
      warnings.some(({ code }) => code === 'SESSION_LOST'),
    );
    expect(status.instances.map(({ id }) => id)).toEqual([third]);
    const path = `/products/${product.id}/audit-logs?action=connection.session_lost`;
    expect((await stack.rest.call<{ total: number }>('GET', path)).total).toBe(1);
    await last.stop();
  });
});
