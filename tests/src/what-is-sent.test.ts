import {
  createTestDatabase,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  type TestDatabase,
  waitFor,
} from '@cortex-mqtt/testing';
import { type Job, Worker } from 'bullmq';
import { connectAsync, type MqttClient } from 'mqtt';
import { Client } from 'pg';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

const PAYLOAD = '{"id": 9007199254740993, "price": 100.00, "name": "Zoë \\"Z\\"", "nested": {"b": [1.50]}}';
const INPUT = '{"id": payload.id, "price": payload.price, "name": payload.name}';
const INPUT_JSON = '{"id":9007199254740993,"price":100.00,"name":"Zoë \\"Z\\""}';
const SECRET = 'canary-secret-of-the-product-0123';
/** What every consumer must find where a whole envelope is sent. */
const ENVELOPE_FIELDS = [
  'id',
  'product_id',
  'subscription_id',
  'topic',
  'params',
  'payload',
  'qos',
  'retain',
  'duplicate',
  'user_properties',
  'received_at',
].sort();
/** What came by a broker says by which; a sample for a dry run doesn't. */
const RECEIVED_FIELDS = [...ENVELOPE_FIELDS, 'broker'].sort();

/** From a published message to what the real consumer of each action reads. */
describe('what is sent', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let publisher: Publisher;
  let product: TestProduct;
  let receiver: HttpReceiver;
  let warehouse: TestDatabase;
  let sql: Client;
  let subscriber: MqttClient;
  let worker: Worker;
  let listener: TestListener;
  const jobs: Job[] = [];
  const published = new Map<string, Buffer>();

  const subscriptions = new Map<string, number>();
  async function subscribe(name: string, ...actions: Record<string, unknown>[]): Promise<void> {
    const { id } = await product.addSubscription({
      name,
      topic: `in/${name}/{+n}`,
      actions: actions.map((action, index) => ({ id: 'abc'[index], ...action })),
    });
    subscriptions.set(name, id);
  }

  const listed = async (name: string, state: string): Promise<{ id: string }[]> => {
    const of = `state=${state}&subscription_id=${subscriptions.get(name)}`;
    return (await stack.rest.call<{ items: { id: string }[] }>('GET', `/products/${product.id}/deliveries?${of}`))
      .items;
  };

  const preview = async (name: string, action = 0): Promise<Record<string, unknown>> => {
    const { actions } = await stack.rest.call<{ actions: { request: { value: Record<string, unknown> } }[] }>(
      'POST',
      `${product.path}/subscriptions/${subscriptions.get(name)}/dry-run`,
      { message: { topic: `in/${name}/1`, payload: PAYLOAD } },
    );
    return actions[action]?.request.value ?? {};
  };

  beforeAll(async () => {
    broker = await startMosquitto();
    receiver = await startHttpReceiver();
    warehouse = await createTestDatabase();
    sql = new Client({ connectionString: warehouse.url });
    await sql.connect();
    await sql.query('CREATE TABLE rows (via text, delivery text UNIQUE, id numeric, price numeric, body jsonb)');
    await sql.query('CREATE TABLE late (id numeric, price numeric, body jsonb)');
    stack = await startStack({ queue: 'redis' });
    const redis = new URL(stack.queue_url);
    worker = new Worker('downstream', async (job) => void jobs.push(job), {
      connection: { host: redis.hostname, port: Number(redis.port), maxRetriesPerRequest: null },
    });
    subscriber = await connectAsync(broker.url, { protocolVersion: 5 });
    subscriber.on('message', (topic, payload) => published.set(topic, payload));
    await subscriber.subscribeAsync('out/#', { qos: 1 });
    product = await stack.newProduct({
      name: 'what is sent',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1 },
    });
    const put = (name: string, value: string) =>
      stack.rest.call('PUT', `/products/${product.id}/secrets/${name}`, { value });
    await put('WAREHOUSE', warehouse.url);
    await put('CANARY', SECRET);
    const retry = { max_attempts: 3, base_delay_ms: 50, max_delay_ms: 200 };
    await subscribe('hook', { type: 'webhook', url: receiver.url, retry });
    await subscribe('hook-input', { type: 'webhook', url: receiver.url, input: INPUT, retry });
    await subscribe('echo', {
      type: 'webhook',
      url: receiver.url,
      headers: { authorization: 'Bearer {{secrets.CANARY}}' },
      retry: { ...retry, max_attempts: 2 },
    });
    await subscribe('queue', { type: 'queue', queue: 'downstream', job_name: 'default' });
    await subscribe('queue-input', {
      type: 'queue',
      queue: 'downstream',
      job_name: 'input-{{params.n}}',
      input: '{"id": $string(payload.id), "price": payload.price}',
    });
    await subscribe('publish', { type: 'publish', topic: 'out/default/{{params.n}}' });
    await subscribe('publish-input', { type: 'publish', topic: 'out/input/{{params.n}}', input: INPUT });
    const statement = {
      type: 'postgres',
      connection_secret: 'WAREHOUSE',
      statement: 'INSERT INTO rows VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
    };
    await subscribe('sql', { ...statement, parameters: ['"default"', 'id', 'payload.id', 'payload.price', 'payload'] });
    await subscribe('sql-input', {
      ...statement,
      input: INPUT,
      parameters: ['"input"', '"input-1"', 'id', 'price', '$'],
    });
    await subscribe('sql-late', {
      ...statement,
      statement: 'INSERT INTO late VALUES ($1, $2, $3)',
      parameters: ['payload.id', 'payload.price', 'payload'],
    });
    const hook = { type: 'webhook', url: receiver.url };
    await subscribe('slow-queue', hook, { type: 'queue', queue: 'downstream', job_name: 'slow' });
    await subscribe('slow-publish', hook, { type: 'publish', topic: 'out/slow/{{params.n}}' });
    listener = await stack.startListener(product);
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });

  afterAll(async () => {
    await publisher?.end();
    await subscriber?.endAsync(true);
    await worker?.close();
    await stack?.stop();
    await sql?.end();
    await warehouse?.drop();
    await receiver?.stop();
    await broker?.stop();
  });

  beforeEach(() => {
    receiver.clear();
    receiver.answerWith({});
  });

  it.each(['hook', 'hook-input'])('%s is the same at each attempt, and what the dry run shows', async (name) => {
    receiver.answerWith({ status: 503 });
    await publisher.publish(`in/${name}/1`, PAYLOAD, { id: `of-${name}` });
    // The first, the quick second and, after the queue, the last.
    await receiver.waitForRequests(3, { timeout_ms: PATIENCE_MS });
    const texts = receiver.requests.map(({ text }) => text);
    expect(new Set(texts).size).toBe(1);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const shown = String((await preview(name)).body);
    if (name === 'hook-input') {
      expect(texts[0]).toBe(INPUT_JSON);
      expect(shown).toBe(INPUT_JSON);
    } else {
      expect(texts[0]).toContain(`"payload":${PAYLOAD},`);
      expect(shown).toContain(`"payload":${PAYLOAD},`);
      expect(Object.keys(JSON.parse(texts[0] ?? '')).sort()).toEqual(RECEIVED_FIELDS);
      expect(Object.keys(JSON.parse(shown)).sort()).toEqual(ENVELOPE_FIELDS);
    }
  });

  it('a job is read by a plain worker: the envelope, or the input', async () => {
    await publisher.publish('in/queue/1', PAYLOAD);
    await publisher.publish('in/queue-input/1', PAYLOAD);
    await waitFor(() => jobs.length >= 2, { timeout_ms: PATIENCE_MS });
    const byName = new Map(jobs.map((job) => [job.name, job.data as Record<string, unknown>]));
    const whole = byName.get('default') ?? {};
    expect(Object.keys(whole).sort()).toEqual([...RECEIVED_FIELDS, 'payload_text'].sort());
    expect(whole).toMatchObject({ topic: 'in/queue/1', params: { n: '1' }, payload_text: PAYLOAD });
    expect(byName.get('input-1')).toEqual({ id: '9007199254740993', price: 100 });
    const shown = (await preview('queue')).data as Record<string, unknown>;
    expect(Object.keys(shown).sort()).toEqual([...ENVELOPE_FIELDS, 'payload_text'].sort());
  });

  it('a message is read by a subscriber, byte for byte', async () => {
    await publisher.publish('in/publish/1', PAYLOAD);
    await publisher.publish('in/publish-input/1', PAYLOAD);
    await waitFor(() => published.size >= 2, { timeout_ms: PATIENCE_MS });
    expect(published.get('out/default/1')?.toString()).toBe(PAYLOAD);
    expect(published.get('out/input/1')?.toString()).toBe(INPUT_JSON);
    expect((await preview('publish')).payload).toBe(PAYLOAD);
    expect((await preview('publish-input')).payload).toBe(INPUT_JSON);
  });

  it('a row is read with all its digits', async () => {
    await publisher.publish('in/sql/1', PAYLOAD);
    await publisher.publish('in/sql-input/1', PAYLOAD);
    const rows = await waitFor(
      async () => {
        const found = await sql.query('SELECT via, id::text, price::text, body::text FROM rows ORDER BY via');
        return found.rows.length === 2 && found.rows;
      },
      { timeout_ms: PATIENCE_MS },
    );
    expect(rows).toMatchObject([
      { via: 'default', id: '9007199254740993', price: '100.00' },
      { via: 'input', id: '9007199254740993', price: '100.00' },
    ]);
    for (const { body } of rows) expect(body).toContain('9007199254740993');
  });

  it('a row that became a dead letter has the same values when it is retried', async () => {
    const shown = await preview('sql-late');
    await sql.query('ALTER TABLE late RENAME TO late_gone');
    await publisher.publish('in/sql-late/1', PAYLOAD);
    const { id: dead } = await waitFor(async () => (await listed('sql-late', 'dead'))[0], { timeout_ms: PATIENCE_MS });
    await sql.query('ALTER TABLE late_gone RENAME TO late');
    await stack.rest.call('POST', `/products/${product.id}/deliveries/${encodeURIComponent(dead)}/retry`, {});
    const [row] = await waitFor(
      async () => {
        const { rows } = await sql.query('SELECT id::text, price::text, body::text FROM late');
        return rows.length === 1 && rows;
      },
      { timeout_ms: PATIENCE_MS },
    );
    expect(row).toMatchObject({ id: '9007199254740993', price: '100.00' });
    expect(row.body).toContain('9007199254740993');
    expect(JSON.stringify(shown.parameters)).toContain('9007199254740993');
  });

  it('a job and a message that come from the queue after a crash are the same as in the dry run', async () => {
    receiver.answerWith({ fault: 'hang' });
    await publisher.publish('in/slow-queue/1', PAYLOAD);
    await publisher.publish('in/slow-publish/1', PAYLOAD);
    for (const name of ['slow-queue', 'slow-publish']) {
      await waitFor(async () => (await listed(name, 'in_flight')).length === 1, { timeout_ms: PATIENCE_MS });
    }
    await listener.kill();
    receiver.answerWith({});
    await listener.start();
    const job = await waitFor(() => jobs.find(({ name }) => name === 'slow'), { timeout_ms: PATIENCE_MS });
    expect(Object.keys(job.data).sort()).toEqual([...RECEIVED_FIELDS, 'payload_text'].sort());
    expect(job.data).toMatchObject({ payload_text: PAYLOAD, topic: 'in/slow-queue/1', params: { n: '1' } });
    expect((await preview('slow-queue', 1)).data).toMatchObject({ payload_text: PAYLOAD });
    const message = await waitFor(() => published.get('out/slow/1'), { timeout_ms: PATIENCE_MS });
    expect(message.toString()).toBe(PAYLOAD);
    expect((await preview('slow-publish', 1)).payload).toBe(PAYLOAD);
  });

  it('a dead letter keeps what the destination said, and no secret that it repeated', async () => {
    receiver.answerWith({
      status: 400,
      body: `${'x'.repeat(2_035)}Bearer ${SECRET} \u0000 ${Buffer.from(SECRET).toString('base64')}`,
    });
    await publisher.publish('in/echo/1', PAYLOAD);
    const dead = await waitFor(
      async () => {
        const { items } = await stack.rest.call<{ items: { id: string }[] }>(
          'GET',
          `/products/${product.id}/deliveries?state=dead&subscription_id=${subscriptions.get('echo')}`,
        );
        return items[0];
      },
      { timeout_ms: PATIENCE_MS },
    );
    const letter = await stack.rest.call('GET', `/products/${product.id}/deliveries/${encodeURIComponent(dead.id)}`);
    expect(JSON.stringify(letter)).toContain('xxxx');
    expect(receiver.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    for (const part of [SECRET, SECRET.slice(0, 12), Buffer.from(SECRET).toString('base64')]) {
      expect(stack.rest.transcript()).not.toContain(part);
      expect(stack.output()).not.toContain(part);
    }
  });
});
