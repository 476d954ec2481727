import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { Status, TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(240_000);

const RATE = 100;

describe('a listener that is subscribed on all brokers of its list', () => {
  let stack: Stack;
  let first: Mosquitto;
  let second: Mosquitto;
  let toFirst: Publisher;
  let toSecond: Publisher;
  let ofFirst: Tally;
  let ofSecond: Tally;
  let plain: HttpReceiver;
  let product: TestProduct;

  beforeAll(async () => {
    const persistent = { persistence: true, config: ['max_queued_messages 0'] };
    [first, second] = [await startMosquitto(persistent), await startMosquitto(persistent)];
    [ofFirst, ofSecond, plain] = [await startTally(), await startTally(), await startHttpReceiver()];
    stack = await startStack({ queue: 'postgres' });
    const hook = (name: string, url: string) => ({
      name,
      topic: name,
      actions: [{ id: 'hook', type: 'webhook', url }],
    });
    product = await stack.newProduct({
      name: 'several',
      broker: { host: '127.0.0.1', port: first.port },
      topics: { qos: 1 },
      subscriptions: [hook('first', ofFirst.url), hook('second', ofSecond.url), hook('either', plain.url)],
    });
    await stack.rest.call('POST', `/products/${product.id}/brokers`, {
      ...{ name: 'second', host: '127.0.0.1', port: second.port },
    });
    await product.configure({ failover: { subscribe_on: 'all' } });
    await stack.startListener(product);
    await product.untilSettled();
    toFirst = await startPublisher(first.url, { clean: false, clientId: 'to-first' });
    toSecond = await startPublisher(second.url, { clean: false, clientId: 'to-second' });
  });
  afterAll(async () => {
    await Promise.all([toFirst?.end(), toSecond?.end()]);
    await stack?.stop();
    await Promise.all([first?.stop(), second?.stop(), ofFirst?.stop(), ofSecond?.stop(), plain?.stop()]);
  });

  const brokersOf = ({ instances }: Status): Record<string, string> =>
    Object.fromEntries(instances.flatMap(({ brokers }) => brokers.map(({ name, state }) => [name, state])));
  const inUse = async (): Promise<string[]> => {
    const { items: brokers } = await stack.rest.call<{ items: { name: string; in_use_by: string[] }[] }>(
      'GET',
      `/products/${product.id}/brokers`,
    );
    return brokers.filter(({ in_use_by }) => in_use_by.length > 0).map(({ name }) => name);
  };

  it('receives from both, goes on with one when the other stops, says so, and comes back', async () => {
    expect(brokersOf(await product.status())).toEqual({ primary: 'connected', second: 'connected' });
    expect(await inUse()).toEqual(['second']);
    const streams = [
      toFirst.stream({ topic: 'first', per_second: RATE, through: () => ofFirst.distinct() }),
      toSecond.stream({ topic: 'second', per_second: RATE, through: () => ofSecond.distinct() }),
    ];
    await waitFor(() => ofFirst.distinct() > RATE && ofSecond.distinct() > RATE, { timeout_ms: PATIENCE_MS });

    await second.stop();
    const degraded = await product.untilStatus(
      'one of the two brokers to be told as lost',
      (status) => status.state === 'degraded' && brokersOf(status).second === 'disconnected',
    );
    expect(degraded).toMatchObject({
      connected: true,
      connection_error: expect.stringContaining('Connected to 1 of 2 brokers. Not to "second"'),
      recovery: { gives_up: 'never' },
      instances: [{ report: { reason_code: 'BROKER_NOT_CONNECTED' } }],
    });
    expect(brokersOf(degraded).primary).toBe('connected');
    expect(await inUse()).toEqual([]);
    const before = ofFirst.distinct();
    await waitFor(() => ofFirst.distinct() > before + RATE, { timeout_ms: PATIENCE_MS });

    await second.start();
    await product.untilSettled();
    expect(brokersOf(await product.status())).toEqual({ primary: 'connected', second: 'connected' });
    const [counts, tallies] = [await Promise.all(streams.map((stream) => stream.stop())), [ofFirst, ofSecond]];
    for (const [index, tally] of tallies.entries()) {
      await tally.untilComplete(counts[index] ?? 0);
      expect(tally.unstableIds()).toEqual([]);
    }
  });

  it('runs what comes by both twice: under one id if the message carries one, under two if not', async () => {
    for (const publisher of [toFirst, toSecond]) {
      await publisher.publish('either', '{"has":"an id"}', { id: 'order-7' });
      await publisher.publish('either', '{"has":"none"}');
    }
    const requests = await plain.waitForRequests(4);
    const idsOf = (has: string) =>
      new Set(
        requests
          .filter((request) => request.json<{ payload: { has: string } }>().payload.has === has)
          .map(({ headers }) => headers['webhook-id']),
      );
    expect([idsOf('an id').size, idsOf('none').size]).toEqual([1, 2]);
  });

  it('is left with one session when it goes back to one broker at a time, and nothing is lost', async () => {
    ofSecond.clear();
    const MESSAGES = 500;
    const published = Promise.all(
      Array.from({ length: MESSAGES }, (_, n) => toSecond.publish('second', JSON.stringify({ n }))),
    );
    await waitFor(() => ofSecond.distinct() > 0, { timeout_ms: PATIENCE_MS });
    await product.configure({ failover: { subscribe_on: 'one' } });
    await published;
    await ofSecond.untilComplete(MESSAGES);
    const status = await product.untilStatus(
      'the second broker to be left',
      (now) => Object.keys(brokersOf(now)).length === 1 && now.applied_revision === now.desired_revision,
    );
    expect(brokersOf(status)).toEqual({ primary: 'connected' });
    expect(status.state).toBe('connected');
    await product.untilStatus('what waits at the broker that was left', ({ warnings }) =>
      warnings.some(({ code }) => code === 'MESSAGES_MAY_WAIT'),
    );
    expect(await inUse()).toEqual([]);
    await toSecond.publish('either', '{"has":"waits"}');
    await toFirst.publish('either', '{"has":"come"}');
    const requests = await plain.waitForRequests(5);
    expect(requests.slice(4).map((request) => request.json<{ payload: { has: string } }>().payload.has)).toEqual([
      'come',
    ]);
  });
});
