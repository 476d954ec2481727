import {
  type HttpAnswer,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

const KEYS = ['a', 'b', 'c'];
const EACH = 30;

describe('deliveries of one key', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let publisher: Publisher;
  let receiver: HttpReceiver;
  let product: TestProduct;
  let listener: TestListener;
  let subscription_id = 0;
  /** Answered well, by key, in order. */
  const delivered = new Map<string, number[]>();
  let answer: (n: number, attempt: number) => HttpAnswer = () => ({});
  const attempts = new Map<string, number>();

  beforeAll(async () => {
    receiver = await startHttpReceiver({
      countOnly: true,
      answer: (request) => {
        const { topic, payload } = request.json<{ topic: string; payload: { n: number } }>();
        const key = topic.split('/').at(-1) ?? '';
        const attempt = (attempts.get(`${key}/${payload.n}`) ?? 0) + 1;
        attempts.set(`${key}/${payload.n}`, attempt);
        const given = answer(payload.n, attempt);
        if (given.status === undefined) delivered.set(key, [...(delivered.get(key) ?? []), payload.n]);
        return given;
      },
    });
    broker = await startMosquitto();
    stack = await startStack({ queue: 'redis' });
    product = await stack.newProduct({
      name: 'ordered',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1, use_shared: true, shared_group: 'workers' },
    });
    ({ id: subscription_id } = await product.addSubscription({
      name: 'ordered',
      topic: 'first/+',
      ordering: 'topic',
      actions: [{ id: 'hook', type: 'webhook', url: receiver.url, retry: { base_delay_ms: 100, max_delay_ms: 400 } }],
    }));
    listener = await stack.startListener(product);
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });

  beforeEach(() => {
    delivered.clear();
    attempts.clear();
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  const publishAll = async (prefix: string): Promise<void> => {
    for (let n = 0; n < EACH; n += 1) {
      for (const key of KEYS) await publisher.publish(`${prefix}/${key}`, `{"n":${n}}`);
    }
  };
  const untilDelivered = (): Promise<unknown> =>
    waitFor(() => KEYS.every((key) => delivered.get(key)?.length === EACH), {
      timeout_ms: PATIENCE_MS,
      message: () => `${EACH} of each key: ${JSON.stringify([...delivered])}`,
    });
  const inOrder = Object.fromEntries(KEYS.map((key) => [key, Array.from({ length: EACH }, (_, n) => n)]));

  it('come in order through failures and a change of the topic, with a shared subscription', async () => {
    answer = (n, attempt) => (n % 7 === 3 && attempt <= 3 ? { status: 503 } : {});
    await publishAll('first');
    await stack.rest.call('PUT', `${product.path}/subscriptions/${subscription_id}`, { topic: 'second/+' });
    await product.untilSettled();
    await untilDelivered();
    expect(Object.fromEntries(delivered)).toEqual(inOrder);

    delivered.clear();
    attempts.clear();
    await publishAll('second');
    await untilDelivered();
    expect(Object.fromEntries(delivered)).toEqual(inOrder);
  });

  it('wait while their destination is left alone, and come in order once it is well', async () => {
    let isWell = false;
    answer = () => (isWell ? {} : { status: 500 });
    await publishAll('second');
    await waitFor(() => listener.output().includes('destination is left alone for a while'), {
      timeout_ms: PATIENCE_MS,
    });
    isWell = true;
    await untilDelivered();
    expect(Object.fromEntries(delivered)).toEqual(inOrder);
    expect(listener.output()).toContain('destination is healthy again');
  });
});
