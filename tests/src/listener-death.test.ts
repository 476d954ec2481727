import { type HttpAnswer, type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { FOR_LOAD, type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

/** Kills of a listener; it is stopped half as often. `FAULT_ROUNDS=3 npx jest tests/src/listener-death` is quick. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 20);
/** Messages offered each second. */
const RATE = Number(process.env.FAULT_RATE ?? 2_000);
/** Messages that a listener may hold without having acknowledged them: those come again from the broker. */
const MAX_IN_FLIGHT = 200;
const BETWEEN_KILLS = 800;

jest.setTimeout(240_000 + ROUNDS * 60_000);

interface Run {
  stack: Stack;
  broker: Mosquitto;
  publisher: Publisher;
  tally: Tally;
  product: TestProduct;
  listener: TestListener;
}

async function startRun(queue: 'redis' | 'postgres', answer: (n: number) => HttpAnswer): Promise<Run> {
  const tally = await startTally(answer);
  const broker = await startMosquitto({ config: [...FOR_LOAD, 'max_inflight_messages 200'] });
  const stack = await startStack({ queue });
  const product = await stack.newProduct({
    name: `death ${queue}`,
    broker: { host: '127.0.0.1', port: broker.port },
    topics: { qos: 1 },
    subscriptions: [{ name: 'numbers', topic: 'numbers', actions: [{ id: 'hook', type: 'webhook', url: tally.url }] }],
  });
  const listener = await stack.startListener(product, { env: { MAX_IN_FLIGHT: String(MAX_IN_FLIGHT) } });
  await product.untilSettled();
  const publisher = await startPublisher(broker.url);
  return { stack, broker, publisher, tally, product, listener };
}

/** Waits until so many more messages have come; what was going on is told at the timeout. */
async function untilMore({ tally, listener, product, broker }: Run, more: number): Promise<void> {
  const before = tally.distinct();
  await waitFor(() => tally.distinct() > before + more, {
    timeout_ms: PATIENCE_MS,
    message: () =>
      [
        `${more} more than ${before} messages; ${tally.distinct()} came, ${tally.duplicates()} repeated`,
        listener.output().slice(-4_000),
        broker.log().slice(-2_000),
      ].join('\n'),
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${JSON.stringify(await product.status())}`);
  });
}

/** Handed over and not taken away again: those come again from the queue, also when their webhook had just been called. */
async function queuedDeliveries({ stack, product }: Run): Promise<number> {
  const counts = await stack.rest.call<Record<string, number>>('GET', `/products/${product.id}/deliveries/counts`);
  return (counts.waiting ?? 0) + (counts.active ?? 0);
}

async function endRun(run: Run | undefined): Promise<void> {
  await run?.publisher.end();
  await run?.stack.stop();
  await run?.broker.stop();
  await run?.tally.stop();
}

describe.each([
  { queue: 'redis' as const, rounds: ROUNDS },
  { queue: 'postgres' as const, rounds: Math.ceil(ROUNDS / 10) },
])('a listener under load that dies, with the queue on $queue', ({ queue, rounds }) => {
  let run: Run;

  beforeAll(async () => {
    run = await startRun(queue, () => ({}));
  });

  afterAll(async () => {
    await endRun(run);
  });

  // First, since what a killed listener had leased comes again some time later.
  it('loses and repeats nothing through SIGTERM', async () => {
    const { tally, listener, publisher } = run;
    const stream = publisher.stream({ topic: 'numbers', per_second: RATE, through: tally.distinct });
    const stops = Math.ceil(rounds / 2);
    for (let round = 0; round < stops; round += 1) {
      await untilMore(run, BETWEEN_KILLS);
      expect(await listener.stop()).toBe(0);
      await listener.start();
    }
    const count = await stream.stop();
    await tally.untilComplete(count);
    console.info(`SIGTERM, ${queue}: ${stops} times, ${count} messages, 0 lost, ${tally.duplicates()} repeated`);
    expect(tally.duplicates()).toBe(0);
  });

  it('loses nothing through kill -9, and repeats no more than what was in flight', async () => {
    const { tally, listener, publisher } = run;
    tally.clear();
    const stream = publisher.stream({ topic: 'numbers', per_second: RATE, through: tally.distinct });
    const back_after_ms: number[] = [];
    let may_repeat = 0;
    for (let round = 0; round < rounds; round += 1) {
      await untilMore(run, BETWEEN_KILLS);
      await listener.kill();
      const killed_at = Date.now();
      may_repeat += MAX_IN_FLIGHT + (await queuedDeliveries(run));
      await Promise.all([listener.start(), untilMore(run, 0)]);
      back_after_ms.push(Date.now() - killed_at);
    }
    const count = await stream.stop();
    await tally.untilComplete(count);
    console.info(
      `kill -9, ${queue}: ${rounds} times, ${count} messages, 0 lost, ${tally.duplicates()} repeated (bound ${may_repeat}); first message after ms: ${back_after_ms.join(', ')}`,
    );
    expect(tally.duplicates()).toBeLessThanOrEqual(may_repeat);
    expect(tally.unstableIds()).toEqual([]);
  });
});

describe('a listener that ends with deliveries handed over', () => {
  let run: Run;
  let answer: HttpAnswer = {};
  const answered = new Set<number>();

  beforeAll(async () => {
    run = await startRun('redis', (n) => {
      if (answer.fault === undefined) answered.add(n);
      return answer;
    });
  });

  afterAll(async () => {
    await endRun(run);
  });

  async function handOver(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await run.publisher.publish('numbers', `{"n":${n}}`, { id: String(n) });
    await waitFor(async () => (await queuedDeliveries(run)) === count, {
      timeout_ms: PATIENCE_MS,
      interval_ms: 50,
      message: 'all deliveries to be handed over',
    });
  }

  it('lets them end when it is told to, so that none runs again', async () => {
    const { tally, listener } = run;
    answer = { delay_ms: 4_000 };
    await handOver(20);
    expect(await listener.stop()).toBe(0);
    expect(tally.distinct()).toBe(20);
    expect(tally.duplicates()).toBe(0);
    expect(await queuedDeliveries(run)).toBe(0);
    await listener.start();
  });

  it('has them delivered when it was killed and their lease has run out', async () => {
    const { tally, listener } = run;
    tally.clear();
    answered.clear();
    answer = { fault: 'hang' };
    await handOver(100);
    await listener.kill();
    const killed_at = Date.now();
    answer = {};
    await listener.start();
    await waitFor(() => answered.size === 100, {
      timeout_ms: PATIENCE_MS,
      message: () => `100; ${answered.size} came`,
    });
    console.info(`kill -9 with 100 handed over: 0 lost, all delivered ${Date.now() - killed_at} ms after it`);
    expect(tally.duplicates()).toBeLessThanOrEqual(100);
    expect(tally.unstableIds()).toEqual([]);
    await waitFor(async () => (await queuedDeliveries(run)) === 0, { timeout_ms: PATIENCE_MS, interval_ms: 50 });
  });
});
