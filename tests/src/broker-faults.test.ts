import { type Mosquitto, startMosquitto, startTcpProxy, type TcpProxy, waitFor } from '@cortex-mqtt/testing';
import { type TestProduct, unaccounted } from './harness/product';
import { FOR_LOAD, type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(240_000);

const RATE = 200;
const KEEP_ALIVE_S = 2;
/** What the listener lets the broker send without an acknowledgement, and so what one broken connection may repeat. */
const MAX_IN_FLIGHT = 1_024;

describe('a network, a broker and a queue that fail under load', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let proxy: TcpProxy;
  let publisher: Publisher;
  let tally: Tally;
  let product: TestProduct;

  beforeAll(async () => {
    tally = await startTally();
    broker = await startMosquitto({ persistence: true, config: FOR_LOAD });
    proxy = await startTcpProxy({ target: { port: broker.port } });
    stack = await startStack({ queue: 'redis' });
    product = await stack.newProduct({
      name: 'faults',
      broker: { host: '127.0.0.1', port: proxy.port, keep_alive: KEEP_ALIVE_S },
      topics: { qos: 1 },
      subscriptions: [
        { name: 'numbers', topic: 'numbers', actions: [{ id: 'hook', type: 'webhook', url: tally.url }] },
      ],
    });
    await stack.startListener(product);
    await product.untilSettled();
    publisher = await startPublisher(broker.url, { clean: false, clientId: 'publisher' });
  });

  beforeEach(() => tally.clear());

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await proxy?.stop();
    await broker?.stop();
    await tally?.stop();
  });

  /** Publishes while `fault` happens, and until messages come again; tells what it did. */
  async function under(name: string, fault: () => Promise<void>): Promise<void> {
    const stream = publisher.stream({ topic: 'numbers', per_second: RATE, through: tally.distinct });
    await waitFor(() => tally.distinct() > RATE / 2, { timeout_ms: PATIENCE_MS });
    const began = Date.now();
    const connections = proxy.accepted();
    await fault();
    const at_end = tally.distinct();
    await waitFor(() => tally.distinct() > at_end, { timeout_ms: PATIENCE_MS });
    const recovered_ms = Date.now() - began;
    const count = await stream.stop();
    await tally.untilComplete(count);
    console.info(
      `${name}: ${count} messages, 0 lost, ${tally.duplicates()} repeated, flows again ${recovered_ms} ms after the fault began`,
    );
    expect(tally.duplicates()).toBeLessThanOrEqual((proxy.accepted() - connections) * MAX_IN_FLIGHT);
    expect(tally.unstableIds()).toEqual([]);
  }

  it('loses nothing when the broker is restarted', async () => {
    await under('broker restarted', () => broker.restart());
    await product.untilSettled();
  });

  it('loses nothing when the connection is cut, again and again', async () => {
    await under('connection cut three times', async () => {
      for (let round = 0; round < 3; round += 1) {
        const accepted = proxy.accepted();
        proxy.cut();
        await waitFor(() => proxy.accepted() > accepted, { timeout_ms: PATIENCE_MS });
        await product.untilSettled();
      }
    });
  });

  it('notices a half-open connection by the keep-alive, says so, and loses nothing', async () => {
    await under('half-open', async () => {
      proxy.blackhole();
      const lost = await product.untilStatus('the silence', ({ state }) => state === 'disconnected');
      expect(lost.connected).toBe(false);
      expect(lost.connection_error).toMatch(/keep-alive|answer/i);
      await proxy.restore();
    });
    await product.untilSettled();
  });

  it('loses nothing while the queue is away and back, and delivers meanwhile', async () => {
    await under('queue away', async () => {
      await stack.redis?.stop();
      const at_stop = tally.distinct();
      await waitFor(() => tally.distinct() > at_stop + RATE, { timeout_ms: PATIENCE_MS });
      await stack.redis?.start();
    });
  });

  it('applies a change by its poll while the queue is away', async () => {
    const other = await stack.newProduct({ name: 'polling', broker: { host: '127.0.0.1', port: broker.port } });
    await stack.startListener(other, { env: { POLL_INTERVAL: '2s', HEARTBEAT_INTERVAL: '60s' } });
    await other.untilSettled();
    await stack.redis?.stop();
    const began = Date.now();
    await other.configure({ topics: { qos: 2 } });
    const answered_ms = Date.now() - began;
    await other.untilSettled();
    console.info(
      `change with the queue away: answered after ${answered_ms} ms, applied after ${Date.now() - began} ms`,
    );
    await stack.redis?.start();
  });

  it('goes on delivering while the orchestrator is down, and tells everything afterwards', async () => {
    // What came before is counted in a report of after it.
    const now = new Date().toISOString();
    const before = await product.untilStatus('a report from now on', ({ instances }) =>
      instances.every(({ report }) => report.reported_at >= now),
    );
    let count = 0;
    await under('orchestrator killed', async () => {
      await stack.orchestrator.kill();
      const at_kill = tally.distinct();
      await waitFor(() => tally.distinct() > at_kill + RATE, { timeout_ms: PATIENCE_MS });
      await stack.startOrchestrator();
    });
    count = tally.distinct();
    await product.untilStatus(
      `${before.messages_received} + ${count} messages`,
      ({ messages_received }) => messages_received === before.messages_received + count + tally.duplicates(),
    );
  });

  it('has counters that reconcile after all of that', async () => {
    const status = await product.status();
    expect(status.flow.counters.messages_received).toBeGreaterThan(RATE);
    expect(unaccounted(status)).toEqual({ messages: 0, deliveries: 0 });
  });
});
