import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asProductId, type DeliveryJob, type ListenerConfigDocument, queueNames } from '@cortex-mqtt/contracts';
import { createQueueBackend, payloadOf, type QueueBackend, silentQueueLogger } from '@cortex-mqtt/queues';
import {
  createTestDatabase,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  type TestDatabase,
  waitFor,
} from '@cortex-mqtt/testing';
import { connectAsync, type MqttClient } from 'mqtt';
import { ProductListener } from './product-listener';
import { buildBroker, loopbackOnly, silentLogger } from './session/session.testing';

const TOTAL = 2_000;
const PATIENCE = { timeout_ms: 30_000 };
jest.setTimeout(60_000);

let broker: Mosquitto;
let publisher: MqttClient;
let receiver: HttpReceiver;
let database: TestDatabase;
let queues: QueueBackend;
let listener: ProductListener;
let data_dir: string;
let revision = 0;
let product_id = 0;

beforeAll(async () => {
  broker = await startMosquitto();
  publisher = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
  receiver = await startHttpReceiver();
  database = await createTestDatabase();
  queues = createQueueBackend({ url: database.url, logger: silentQueueLogger });
});

afterAll(async () => {
  await queues.close();
  await publisher.endAsync(true);
  await Promise.all([receiver.stop(), broker.stop(), database.drop()]);
});

beforeEach(async () => {
  product_id += 1;
  receiver.clear();
  receiver.answerWith({});
  data_dir = await mkdtemp(join(tmpdir(), 'cortex-batches-'));
  listener = new ProductListener({
    ...{ product_id, product_slug: 'shop', instance_id: `one-${product_id}`, boot_id: `boot-${product_id}`, data_dir },
    ...{ max_in_flight: 5_000, max_payload_bytes: 1_000_000, has_orchestrator: false, egress: loopbackOnly, queues },
    dead_letters: { max: 100, max_bytes: 1_000_000, when_full: 'drop_oldest' },
    ...{
      logger: silentLogger,
      eventLog: null,
      segments: null,
      tracer: null,
      leftSessions: null,
      redact: (text: string) => text,
    },
    ...{ onChange: () => undefined, onEvent: () => undefined, onCredentialsRefused: () => undefined },
  });
});

afterEach(async () => {
  await listener.stop({ drain_ms: 1_000 });
  await rm(data_dir, { recursive: true });
});

type Subscription = ListenerConfigDocument['subscriptions'][number];

/** Applies a configuration with one subscription, whose webhook sends batches. */
async function apply(
  batch: object | null,
  subscription: Partial<Subscription> = {},
  webhook: object = {},
): Promise<void> {
  revision += 1;
  const action = { id: 'a', type: 'webhook', enabled: true, url: receiver.url, timeout_ms: 5_000, batch, ...webhook };
  const document: ListenerConfigDocument = {
    ...{ product_id, product_slug: 'shop', session_key: null, enabled: true, revision, reconnect_generation: 0 },
    ...{ variables: {}, brokers: [buildBroker({ port: broker.port })], shared_group: null, handover_after_ms: 20 },
    ...{ failover: { subscribe_on: 'one', after_s: null, failback_after_s: null }, probe: null, secrets: {} },
    subscriptions: [
      {
        ...{ id: 1, name: 'all', topic: `b${product_id}/#`, topic_filter: `b${product_id}/#`, wildcard_names: [] },
        ...{ qos: 1, payload_format: 'json', filter: null, message_key: null, concurrency: null, ordering: 'none' },
        actions: [action],
        ...subscription,
      },
    ],
  };
  await listener.apply(document, 'orchestrator');
  await waitFor(() => listener.session?.snapshot().state === 'connected', PATIENCE);
}

async function publish(from: number, to: number, topicOf = (_n: number): string => 'x'): Promise<void> {
  const sent: Promise<unknown>[] = [];
  for (let n = from; n < to; n += 1) {
    sent.push(publisher.publishAsync(`b${product_id}/${topicOf(n)}`, JSON.stringify({ n }), { qos: 1 }));
  }
  await Promise.all(sent);
}

interface Element {
  id: string;
  topic: string;
  payload: { n: number };
}
const batches = (): Element[][] => receiver.requests.map((request) => request.json<Element[]>());
const counters = () => listener.pipeline.counters;
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const inOrder = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b);

it('sends more at once than may run at once, each message once', async () => {
  await apply({ max_messages: 500, max_wait_ms: 5_000 });
  await publish(0, TOTAL);
  await waitFor(() => counters().deliveries_succeeded === TOTAL, PATIENCE);
  expect(inOrder(batches().flatMap((batch) => batch.map(({ payload }) => payload.n)))).toEqual(range(TOTAL));
  expect(Math.max(...batches().map(({ length }) => length))).toBe(500);
  await waitFor(() => listener.handover?.oldestUnreleased(Date.now()) === null);
});

it('gives the message that spoils its batch to the dead letters, and the others to the destination', async () => {
  const isPoison = (text: string): boolean => text.includes('"n":13}') || text.includes('"n":77}');
  receiver.answerWith((request) => ({ status: isPoison(request.text) ? 400 : 200 }));
  await apply({ max_messages: 100, max_wait_ms: 50 });
  await publish(0, 200);
  await waitFor(() => counters().deliveries_succeeded === 198 && counters().deliveries_dead === 2, PATIENCE);
  const queue = queues.queue<DeliveryJob>(queueNames.deliveries(asProductId(product_id)));
  await waitFor(async () => (await queue.counts()).failed === 2, PATIENCE);
  const dead = await (await queue.bull()).getFailed();
  expect(dead.map(({ data }) => payloadOf(data.message).toString()).sort()).toEqual(['{"n":13}', '{"n":77}']);
});

it('sends batches of what comes back from the queue, and a batch counts as one call to the breaker', async () => {
  let is_away = true;
  receiver.answerWith(() => ({ status: is_away ? 503 : 200 }));
  const retry = { base_delay_ms: 200, max_delay_ms: 500 };
  await apply({ max_messages: 40, max_wait_ms: 300 }, {}, { retry });
  // Five batches, each tried twice before they are left to the queue: the breaker opens at ten calls in a row that failed.
  await publish(0, 160);
  await waitFor(() => counters().deliveries_queued >= 160, PATIENCE);
  const whole = batches().filter(({ length }) => length > 20).length;
  expect(whole).toBeLessThanOrEqual(8);
  is_away = false;
  receiver.clear();
  await waitFor(() => counters().deliveries_succeeded === 160, PATIENCE);
  const sent = batches().flatMap((batch) => batch.map(({ payload }) => payload.n));
  expect(inOrder([...new Set(sent)])).toEqual(range(160));
  expect(Math.max(...batches().map(({ length }) => length))).toBeGreaterThan(1);
});

it('keeps the order of a key, across failures too', async () => {
  let failures = 0;
  receiver.answerWith(() => {
    failures += 1;
    return { status: failures % 4 === 0 ? 503 : 200 };
  });
  await apply(
    { max_messages: 10, max_wait_ms: 5 },
    { ordering: 'topic' },
    { retry: { base_delay_ms: 20, max_delay_ms: 50 } },
  );
  await publish(0, 60, (n) => `key${n % 5}`);
  await waitFor(() => counters().deliveries_succeeded === 60, PATIENCE);
  const last = new Map<string, number>();
  for (const { topic, payload } of batches().flat()) {
    expect(payload.n).toBeGreaterThanOrEqual(last.get(topic) ?? -1);
    last.set(topic, payload.n);
  }
  expect(last.size).toBe(5);
});

it('sends what waits when the configuration changes, and when it stops', async () => {
  await apply({ max_wait_ms: 30_000 });
  await publish(0, 3);
  await waitFor(() => counters().deliveries_started === 3);
  await apply({ max_wait_ms: 30_000, max_messages: 50 });
  await waitFor(() => counters().deliveries_succeeded === 3, PATIENCE);
  await publish(3, 5);
  await waitFor(() => counters().deliveries_started === 5);
  await listener.stop({ drain_ms: 5_000 });
  expect(batches().map(({ length }) => length)).toEqual([3, 2]);
  expect(counters().deliveries_succeeded).toBe(5);
});

describe('a reply', () => {
  const reply = { topics: ['replies/+'] };
  const answers: { topic: string; text: string; correlation: string; type: string | undefined }[] = [];

  beforeAll(async () => {
    publisher.on('message', (topic, payload, { properties }) => {
      const correlation = properties?.correlationData?.toString('hex') ?? '';
      answers.push({ topic, text: payload.toString(), correlation, type: properties?.contentType });
    });
    await publisher.subscribeAsync('replies/#');
  });
  beforeEach(() => {
    answers.length = 0;
  });

  const ask = (n: number, responseTopic?: string) =>
    publisher.publishAsync(`b${product_id}/ask`, JSON.stringify({ n }), {
      qos: 1,
      properties: { correlationData: Buffer.from([0, 255, n]), ...(responseTopic ? { responseTopic } : {}) },
    });

  it('reaches who asked, at once, after a handover and after a retry from the queue', async () => {
    let tries = 0;
    receiver.answerWith(async (request) => {
      const { n } = request.json<{ payload: { n: number } }>().payload;
      tries += n === 2 ? 1 : 0;
      const status = n === 2 && tries < 4 ? 503 : 200;
      // Much longer than until it is handed over.
      return { status, delay_ms: n === 1 ? 300 : 0, headers: { 'content-type': 'text/plain' }, body: `answer ${n}` };
    });
    await apply(null, {}, { reply, retry: { base_delay_ms: 200, max_delay_ms: 200 } });
    await Promise.all([ask(0, 'replies/me'), ask(1, 'replies/me'), ask(2, 'replies/me'), ask(3)]);
    await waitFor(() => counters().deliveries_succeeded === 4 && answers.length === 3, PATIENCE);
    expect(tries).toBe(4);
    expect(counters().deliveries_queued).toBeGreaterThan(0);
    expect([...answers].sort((a, b) => a.text.localeCompare(b.text))).toEqual(
      [0, 1, 2].map((n) => ({
        ...{ topic: 'replies/me', text: `answer ${n}`, correlation: `00ff0${n}`, type: 'text/plain' },
      })),
    );
  });

  it('goes nowhere else: a response topic beyond what is allowed is a dead letter, and nothing is called', async () => {
    await apply(null, {}, { reply });
    await Promise.all([ask(0, 'replies/a/b'), ask(1, `b${product_id}/again`)]);
    await waitFor(() => counters().deliveries_dead === 2, PATIENCE);
    expect([receiver.count(), answers.length]).toEqual([0, 0]);
  });
});
