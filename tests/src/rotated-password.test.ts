import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { Status, TestProduct } from './harness/product';
import { startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(240_000);

const USER = 'orders';
/** Shortest wait after a refusal. */
const SLOW_MS = 7_500;

describe('a password that is rotated', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let product: TestProduct;
  let tally: Tally;
  let listener: TestListener;

  beforeAll(async () => {
    tally = await startTally();
    broker = await startMosquitto({ users: { [USER]: 'old' }, persistence: true });
    stack = await startStack({ queue: 'postgres' });
    product = await stack.newProduct({
      name: 'rotation',
      broker: { host: '127.0.0.1', port: broker.port, username: USER, password: 'old' },
      topics: { qos: 1 },
      subscriptions: [
        { name: 'numbers', topic: 'numbers', actions: [{ id: 'hook', type: 'webhook', url: tally.url }] },
      ],
    });
    // Nothing but a refusal, or being told of a new revision, makes it ask for its configuration.
    listener = await stack.startListener(product, { env: { POLL_INTERVAL: '1h' } });
    await product.untilSettled();
  });
  afterAll(async () => {
    await stack?.stop();
    await broker?.stop();
    await tally?.stop();
  });

  /** How often the listener has asked the orchestrator for its configuration. */
  async function configurationsAsked(): Promise<number> {
    const text = await (await fetch(`${stack.orchestrator_url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('cortex_mqtt_http_request_duration_seconds_count'));
    return lines
      .filter((line) => line.includes('route="/internal/v1/mqtt-config"'))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
  const refusals = (): number => broker.log().match(/ disconnected, not authorised/g)?.length ?? 0;
  const isRefused = ({ instances: [instance] }: Status): boolean =>
    ['BAD_CREDENTIALS', 'NOT_AUTHORIZED'].includes(instance?.report.reason_code ?? '');
  /** Milliseconds from the refusal to the next try; null while it is under way. */
  const waitOf = ({ recovery, instances: [instance] }: Status): number | null =>
    recovery?.next_try_at == null
      ? null
      : Date.parse(recovery.next_try_at) - Date.parse(String(instance?.report.disconnected_at));

  it('is refused by name, tried again slowly and without end, and asked for anew each time', async () => {
    const asked_before = await configurationsAsked();
    const refusals_before = refusals();
    await broker.reload({ users: { [USER]: 'new' } });
    await broker.restart();
    const first = await product.untilStatus('the refusal', (status) => isRefused(status) && waitOf(status) !== null);
    expect(first).toMatchObject({ connected: false, state: 'disconnected', recovery: { gives_up: 'never' } });
    expect(waitOf(first)).toBeGreaterThanOrEqual(SLOW_MS);
    const at_first = refusals();
    await product.untilStatus('another refusal', (status) => refusals() > at_first && waitOf(status) !== null);
    expect(refusals()).toBe(at_first + 1);
    // The broker's log tells of a refusal before the listener has read it and asked.
    await waitFor(async () => (await configurationsAsked()) - asked_before >= at_first + 1 - refusals_before, {
      timeout_ms: PATIENCE_MS,
    });
  });

  it('heals by itself once it is put in the orchestrator, and messages come', async () => {
    await product.configure({ broker: { password: 'new' } });
    await product.untilSettled();
    const publisher = await startPublisher(broker.url, { username: USER, password: 'new' });
    await publisher.publish('numbers', '{"n": 0}');
    await waitFor(() => tally.distinct() === 1, { timeout_ms: PATIENCE_MS });
    await publisher.end();
    expect(listener.output()).not.toMatch(/"password":"(old|new)"/);
  });

  it('heals by itself when it is put first and the broker learns it later', async () => {
    await product.configure({ broker: { password: 'newest' } });
    await product.untilStatus('the refusal', isRefused);
    await broker.reload({ users: { [USER]: 'newest' } });
    const status = await product.untilSettled();
    expect(status.recovery).toBeNull();
  });
});
