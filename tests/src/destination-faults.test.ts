import { Readable } from 'node:stream';
import {
  type HttpAnswer,
  type HttpReceiver,
  type HttpReceiverOptions,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { type TestProduct, unaccounted } from './harness/product';
import { FOR_LOAD, type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';
import { startTally, type Tally } from './harness/tally';

jest.setTimeout(240_000);

const GIGABYTE = 1_000_000_000;

interface Dead {
  id: string;
  subscription_id: number;
  error: string;
  topic: string;
}

describe('destinations that fail', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let publisher: Publisher;
  let product: TestProduct;
  let listener: TestListener;
  /** Stands for a destination that is healthy. */
  let well: Tally;
  let receiver: HttpReceiver;
  const subscriptions = new Map<string, number>();
  const others: HttpReceiver[] = [];

  /** A subscription of `topic` whose webhook goes to a receiver of its own. */
  async function subscribe(topic: string, url: string, more: Record<string, unknown> = {}): Promise<void> {
    const { id } = await product.addSubscription({
      name: topic,
      topic,
      actions: [{ id: 'hook', type: 'webhook', url, ...more }],
    });
    subscriptions.set(topic, id);
    await product.untilSettled();
  }

  /** Ends with the tests, also with one that fails. */
  async function another(options: HttpReceiverOptions): Promise<HttpReceiver> {
    const made = await startHttpReceiver(options);
    others.push(made);
    return made;
  }

  const untilDead = (topic: string, count: number): Promise<Dead[]> =>
    waitFor(
      async () => {
        const page = await stack.rest.call<{ items: Dead[]; total: number }>(
          'GET',
          `/products/${product.id}/deliveries?state=dead&page_size=100&subscription_id=${subscriptions.get(topic)}`,
        );
        return page.total >= count && page.items;
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 100, message: `${count} dead letters of ${topic}` },
    );

  beforeAll(async () => {
    well = await startTally();
    receiver = await startHttpReceiver();
    broker = await startMosquitto({ config: FOR_LOAD });
    stack = await startStack({ queue: 'redis' });
    product = await stack.newProduct({
      name: 'destinations',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1 },
    });
    listener = await stack.startListener(product);
    await subscribe('well', well.url);
    publisher = await startPublisher(broker.url);
  });

  beforeEach(() => {
    receiver.clear();
    receiver.answerWith({});
    well.clear();
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
    await well?.stop();
    await Promise.all(others.map((each) => each.stop()));
  });

  const failing: { name: string; answer: () => HttpAnswer; action?: Record<string, unknown> }[] = [
    { name: 'answers-500', answer: () => ({ status: 500 }) },
    { name: 'hangs', answer: () => ({ fault: 'hang' }), action: { timeout_ms: 500 } },
    { name: 'slow-body', answer: () => ({ fault: 'hang-after-headers' }), action: { timeout_ms: 500 } },
    { name: 'resets', answer: () => ({ fault: 'reset' }) },
  ];

  it.each(failing)('delivers later to one that $name, under the same id', async ({ name, answer, action }) => {
    const own = await another({ answer: (_request, count) => (count <= 2 ? answer() : {}) });
    await subscribe(name, own.url, { ...action, retry: { base_delay_ms: 200, max_delay_ms: 1_000 } });
    await publisher.publish(name, '{"n": 1}');
    // A body that never ends is a success all the same: the status has been told.
    const wanted = name === 'slow-body' ? 1 : 3;
    await own.waitForRequests(wanted, { timeout_ms: PATIENCE_MS });
    expect(new Set(own.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(own.requests.map(({ text }) => text)).size).toBe(1);
    await own.stop();
  });

  it.each([
    { name: 'says-1-gb', headers: { 'content-length': String(GIGABYTE) }, bytes: GIGABYTE },
    { name: 'never-ends', headers: {}, bytes: Number.POSITIVE_INFINITY },
  ])('reads no more than it needs of a body that $name', async ({ name, headers, bytes }) => {
    const COUNT = 50;
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 'x');
    const body = (): Readable => {
      let left = bytes;
      return new Readable({
        read() {
          const next = chunk.subarray(0, left);
          left -= next.length;
          sent += next.length;
          this.push(next.length === 0 ? null : next);
        },
      });
    };
    const own = await another({
      answer: () => ({ headers: headers as Record<string, string>, body: body() }),
    });
    await subscribe(name, own.url);
    const { flow: before } = await product.status();
    const before_bytes = listener.memory_bytes();
    for (let n = 0; n < COUNT; n += 1) await publisher.publish(name, `{"n": ${n}}`);
    await own.waitForRequests(COUNT, { timeout_ms: PATIENCE_MS });
    await product.untilStatus(
      'the deliveries’ success',
      ({ flow }) => flow.counters.succeeded >= before.counters.succeeded + COUNT,
    );
    const grown_bytes = listener.memory_bytes() - before_bytes;
    console.info(
      `${COUNT} bodies that ${name}: ${Math.round(sent / COUNT / 1024)} KiB sent of each, ${Math.round(grown_bytes / 2 ** 20)} MiB more memory`,
    );
    expect(own.count()).toBe(COUNT);
    // 64 kB are read; the rest is what the two sockets hold.
    expect(sent / COUNT).toBeLessThan(10_000_000);
    // What was offered would fill any machine.
    expect(grown_bytes).toBeLessThan(150_000_000);
    await own.stop();
  });

  it.each([
    { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' }, error: /302.*redirects are not followed/ },
    { status: 410, headers: {}, error: /answered 410/ },
  ])('makes a dead letter at once when one answers $status', async ({ status, headers, error }) => {
    const topic = `answers-${status}`;
    receiver.answerWith({ status, headers: headers as Record<string, string> });
    await subscribe(topic, receiver.url);
    await publisher.publish(topic, '{"n": 1}');
    const [dead] = await untilDead(topic, 1);
    expect(dead).toMatchObject({ topic, error: expect.stringMatching(error) });
    expect(receiver.count()).toBe(1);
  });

  it('waits as long as one asks with 429 and Retry-After', async () => {
    receiver.answerWith((_request, count) =>
      count === 1 ? { status: 429, headers: { 'retry-after': '2' } } : { status: 200 },
    );
    await subscribe('answers-429', receiver.url, { retry: { base_delay_ms: 100 } });
    await publisher.publish('answers-429', '{"n": 1}');
    const [first, second] = await receiver.waitForRequests(2, { timeout_ms: PATIENCE_MS });
    expect((second?.received_at ?? 0) - (first?.received_at ?? 0)).toBeGreaterThanOrEqual(2_000);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  it('goes on delivering to the others while one hangs', async () => {
    const hanging = await another({ answer: { fault: 'hang' } });
    await subscribe('hanging', hanging.url, { timeout_ms: 60_000 });
    for (let n = 0; n < 300; n += 1) await publisher.publish('hanging', `{"n": ${n}}`);
    await hanging.waitForRequests(50, { timeout_ms: PATIENCE_MS });
    const stream = publisher.stream({ topic: 'well', per_second: 200, through: well.distinct });
    await waitFor(() => stream.accepted() >= 500, { timeout_ms: PATIENCE_MS });
    const count = await stream.stop();
    const took_ms = await well.untilComplete(count);
    console.info(
      `one destination hangs with 300 messages: ${count} others delivered, the last ${took_ms} ms after its publish`,
    );
    expect(well.duplicates()).toBe(0);
    await stack.rest.call('PUT', `${product.path}/subscriptions/${subscriptions.get('hanging')}`, { enabled: false });
    await hanging.stop();
  });

  it.each([
    { hanging: 1, each: 1_000 },
    { hanging: 10, each: 300 },
  ])('delivers to the others although $hanging of 100 hang with more than they may run at once', async (crowd_of) => {
    const DESTINATIONS = 100;
    const ROUNDS = 10;
    const hanging = await Promise.all(
      Array.from({ length: crowd_of.hanging }, () => another({ answer: { fault: 'hang' }, countOnly: true })),
    );
    const crowd = await stack.newProduct({
      name: 'crowd',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1 },
      subscriptions: Array.from({ length: DESTINATIONS }, (_, n) => ({
        name: `crowd ${n}`,
        topic: `crowd/${crowd_of.hanging}/${n}`,
        actions: [{ id: 'hook', type: 'webhook', url: hanging[n]?.url ?? well.url, timeout_ms: 120_000 }],
      })),
    });
    const of_crowd = await stack.startListener(crowd);
    await crowd.untilSettled();
    const topic = (n: number) => `crowd/${crowd_of.hanging}/${n}`;
    for (let n = 0; n < crowd_of.hanging; n += 1) {
      await Promise.all(
        Array.from({ length: crowd_of.each }, (_, index) => publisher.publish(topic(n), `{"n": ${index}}`)),
      );
    }
    await waitFor(() => hanging.every((each) => each.count() >= 10), { timeout_ms: PATIENCE_MS });
    let count = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let n = crowd_of.hanging; n < DESTINATIONS; n += 1, count += 1) {
        await publisher.publish(topic(n), `{"n": ${count}}`);
      }
    }
    const took_ms = await well.untilComplete(count);
    console.info(
      `${crowd_of.hanging} of 100 hang with ${crowd_of.each} each: ${count} others delivered, the last ${took_ms} ms after its publish`,
    );
    expect(well.duplicates()).toBe(0);
    // What hangs is in the queue, all of it, and nothing is held at the broker.
    let queued = 0;
    await waitFor(
      async () => {
        const path = `/products/${crowd.id}/deliveries/counts`;
        const { waiting, active } = await stack.rest.call<{ waiting: number; active: number }>('GET', path);
        queued = waiting + active;
        return queued === crowd_of.hanging * crowd_of.each;
      },
      { timeout_ms: PATIENCE_MS, message: () => `all that hang to be in the queue; ${queued} are` },
    );
    await crowd.untilStatus('no message held at the broker', ({ instances }) =>
      instances.every(({ report }) => report.oldest_unacknowledged_ms === null),
    );
    await of_crowd.kill();
    await Promise.all(hanging.map((each) => each.stop()));
  });

  it('makes dead letters of a row of poison, and lets what is behind it through', async () => {
    await subscribe('poison', `${receiver.url}/{{payload.name}}`);
    const POISON = 1_000;
    for (let n = 0; n < POISON; n += 1) await publisher.publish('poison', `{"name": "broken ${n}`);
    await publisher.publish('poison', '{"name": "whole"}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    expect(receiver.requests.map(({ url }) => url)).toEqual(['/whole']);
    const dead = await untilDead('poison', POISON);
    expect(dead[0]?.error).toMatch(/JSON/);
  });

  it('delivers all that is whole when one of a hundred messages is poison', async () => {
    const COUNT = 2_000;
    await subscribe('mixed', `${well.url}/{{payload.kind}}`);
    for (let n = 0; n < COUNT; n += 1) {
      await publisher.publish('mixed', n % 100 === 99 ? '{"kind": "poi' : `{"kind": "whole", "n": ${n}}`);
    }
    await waitFor(() => well.distinct() === COUNT * 0.99, {
      timeout_ms: PATIENCE_MS,
      message: () => `${COUNT * 0.99} that are whole; ${well.distinct()} came`,
    });
    await untilDead('mixed', COUNT / 100);
    expect(well.duplicates()).toBe(0);
  });

  it('delivers a dead letter that was edited and tried again', async () => {
    const [dead] = await untilDead('poison', 1);
    const path = `/products/${product.id}/deliveries/${encodeURIComponent(dead?.id ?? '')}`;
    const detail = await stack.rest.call<{ payload_base64: string }>('GET', path);
    const mended = `${Buffer.from(detail.payload_base64, 'base64').toString()}"}`;
    await stack.rest.call('POST', `${path}/retry`, { payload: mended });
    const [request] = await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    expect(request?.url).toMatch(/^\/broken%20\d+$/);
    // The webhook is called before its delivery leaves the queue.
    await waitFor(async () => (await stack.rest.ask('GET', path)).status === 404, { timeout_ms: PATIENCE_MS });
  });

  it('gives two equal messages without an identity two ids', async () => {
    await subscribe('equal', receiver.url);
    await publisher.publish('equal', '{"n": 1}');
    await publisher.publish('equal', '{"n": 1}');
    await receiver.waitForRequests(2, { timeout_ms: PATIENCE_MS });
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  });

  it('has counters that add up when all is done', async () => {
    const status = await product.untilStatus('nothing in flight', ({ flow }) => flow.counters.in_flight === 0);
    expect(status.flow.counters.dead).toBeGreaterThan(0);
    expect(unaccounted(status)).toEqual({ messages: 0, deliveries: 0 });
  });
});
