import {
  createTestCertificates,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { SubscriptionAnswer, TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

const PASSWORD = 'correct-horse-battery-9142';
const WRONG_PASSWORD = 'wrong-horse-battery-7731';
const PRODUCT_SECRET = 'whsec_c2VjcmV0LW9mLXRoZS13ZWJob29rLTE4Mw==';

describe('the main job, with a broker that asks for TLS and a password', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let product: TestProduct;
  let listener: TestListener;
  let orders: SubscriptionAnswer;
  let ca_cert: string;

  const brokerSection = (more: Record<string, unknown> = {}) => ({
    host: '127.0.0.1',
    port: broker.port,
    use_tls: true,
    verify_cert: true,
    ca_cert,
    username: 'orders',
    password: PASSWORD,
    keep_alive: 5,
    ...more,
  });
  const paths = (): string[] => receiver.requests.map(({ url }) => url);

  beforeAll(async () => {
    const certificates = await createTestCertificates();
    ca_cert = certificates.ca.cert;
    const { certFile, keyFile } = certificates.server;
    broker = await startMosquitto({
      listeners: [{ tls: { cert: certFile, key: keyFile } }],
      users: { orders: PASSWORD },
      persistence: true,
    });
    receiver = await startHttpReceiver();
    stack = await startStack({ queue: 'redis' });
    publisher = await startPublisher(broker.url, { username: 'orders', password: PASSWORD, ca: ca_cert });
    product = await stack.newProduct({ name: 'orders' });
    listener = await stack.startListener(product);
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await receiver?.stop();
    await broker?.stop();
  });

  it('says that nothing is configured before anything is', async () => {
    const status = await product.untilStatus(
      'the listener to say why it waits',
      (current) => current.connection_error !== null && current.instances.length === 1,
    );
    expect(status).toMatchObject({ connected: false, client_id: null });
    expect(status.connection_error).toMatch(/no broker is configured/i);
  });

  it('connects as soon as the broker is configured over REST', async () => {
    const put = await stack.rest.call('PUT', product.path, {
      broker: brokerSection(),
      topics: { prefix: 'shop', pattern: '', use_shared: false, shared_group: null, qos: 1 },
    });
    expect(put).toMatchObject({ mqtt_config: { broker: { password_set: true, host: '127.0.0.1' } } });
    await stack.rest.call('POST', `/products/${product.id}/secrets`, { name: 'SIGNING', value: PRODUCT_SECRET });
    orders = await product.addSubscription({
      name: 'orders',
      topic: 'orders/{+order_id}/created',
      actions: [{ id: 'hook', type: 'webhook', url: `${receiver.url}/hook`, signing_secrets: ['SIGNING'] }],
    });
    const status = await product.untilSettled();
    expect(status).toMatchObject({ connected: true, connection_error: null, subscribed_topics_count: 1 });
    expect(status.instances).toMatchObject([
      { id: listener.instance_id, state: 'connected', config_source: 'orchestrator' },
    ]);
    expect(await listener.health()).toMatchObject({ config_source: 'orchestrator', state: 'connected' });
  });

  it('sends a message to its webhook in the envelope, its payload byte for byte', async () => {
    const payload = '{"zeta": 1, "id": 9223372036854775807, "alpha": 1.10, "text": "\\u00e9é"}';
    await publisher.publish('shop/orders/4711/created', payload, { id: 'message-1' });
    const [request] = await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    expect(request?.text).toContain(`"payload":${payload}`);
    expect(request?.json()).toMatchObject({
      product_id: product.id,
      subscription_id: orders.id,
      topic: 'shop/orders/4711/created',
      params: { order_id: '4711' },
      qos: 1,
      retain: false,
      duplicate: false,
      user_properties: { 'message-id': 'message-1' },
    });
    expect(request?.json<{ id: string }>().id).toBe(request?.headers['webhook-id']);
    expect(request?.headers).toMatchObject({ 'webhook-signature': expect.stringMatching(/^v1,/) });
  });

  it('counts it, for the subscription and for the product', async () => {
    const counted = await waitFor(
      async () => {
        const found = await stack.rest.call<SubscriptionAnswer>('GET', `${product.path}/subscriptions/${orders.id}`);
        return found.actions_executed === 1 && found;
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 50 },
    );
    expect(counted).toMatchObject({ messages_received: 1, actions_executed: 1, actions_failed: 0 });
    const status = await product.status();
    expect(status.messages_received).toBe(1);
    expect(status.last_message_at).not.toBeNull();
  });

  it('changes a topic without a new connection, and loses nothing of the topics that stay', async () => {
    receiver.clear();
    const before = await product.untilSettled();
    // Connections of its session: it also asks the broker for its counters, as a client of another name.
    const connections = () =>
      broker
        .log()
        .split('\n')
        .filter((line) => line.includes('New client connected') && line.includes(` as ${before.client_id} (`)).length;
    const connects = connections();
    expect(connects).toBeGreaterThan(0);
    const moving = await product.addSubscription({
      name: 'moving',
      topic: 'stock/a',
      actions: [{ id: 'hook', type: 'webhook', url: `${receiver.url}/moving` }],
    });
    await product.untilSettled();
    const stream = publisher.stream({ topic: 'shop/orders/1/created', per_second: 100, through: receiver.count });
    await waitFor(() => stream.accepted() > 20, { timeout_ms: PATIENCE_MS });
    await stack.rest.call('PUT', `${product.path}/subscriptions/${moving.id}`, { topic: 'stock/b' });
    await product.untilSettled();
    await publisher.publish('shop/stock/b', '{"n": -1}');
    const count = await stream.stop();
    await waitFor(() => receiver.requests.length >= count + 1, {
      timeout_ms: PATIENCE_MS,
      message: () => `${count + 1} requests, ${receiver.requests.length} came`,
    });
    expect(paths().filter((path) => path === '/moving')).toHaveLength(1);
    expect(new Set(receiver.requests.map((request) => request.json<{ payload: { n: number } }>().payload.n)).size).toBe(
      count + 1,
    );
    await publisher.publish('shop/stock/a', '{"n": -2}');
    await publisher.publish('shop/stock/b', '{"n": -3}');
    await waitFor(() => paths().filter((path) => path === '/moving').length === 2, { timeout_ms: PATIENCE_MS });
    expect(receiver.requests.map((request) => request.json<{ payload: { n: number } }>().payload.n)).not.toContain(-2);
    expect((await product.status()).last_connected_at).toBe(before.last_connected_at);
    expect(connections()).toBe(connects);
  });

  it('tells a change to the listener by the queue, long before its next poll', async () => {
    const durations_ms: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const began = Date.now();
      const { revision } = await product.configure({ topics: { qos: round % 2 === 0 ? 2 : 1 } });
      await waitFor(async () => (await listener.health()).applied_revision === revision, {
        timeout_ms: PATIENCE_MS,
        interval_ms: 2,
      });
      durations_ms.push(Date.now() - began);
    }
    // The poll is 30 s away; 250 ms is the aim on a machine that has time.
    expect(Math.max(...durations_ms)).toBeLessThan(10_000);
    console.info(`PUT → applied, ms: ${durations_ms.join(', ')}`);
  });

  it('tests the stored connection, and another one, from the listener', async () => {
    const stored = await stack.rest.call('POST', `${product.path}/test`);
    expect(stored).toMatchObject({
      status: 'success',
      connected: true,
      latency_ms: expect.any(Number),
      tested_from: `listener:${listener.instance_id}`,
      diagnosis: null,
    });
    const given = await stack.rest.call('POST', `${product.path}/test`, {
      host: '127.0.0.1',
      port: broker.port,
      use_tls: true,
      username: 'orders',
      password: WRONG_PASSWORD,
    });
    expect(given).toMatchObject({
      status: 'failed',
      connected: false,
      diagnosis: { stage: 'connect', code: expect.stringMatching(/CREDENTIALS|NOT_AUTHORI/) },
    });
    expect((await product.status()).connected).toBe(true);
  });

  it('tells of a wrong password, and heals when the right one is put', async () => {
    await product.configure({ broker: { password: WRONG_PASSWORD } });
    const refused = await product.untilStatus('the refusal', ({ state }) => state === 'disconnected');
    expect(refused.connected).toBe(false);
    expect(refused.connection_error).toMatch(/credentials/i);
    expect(refused.instances[0]?.report.reason_code).toMatch(/CREDENTIALS|NOT_AUTHORI/);
    await product.configure({ broker: { password: PASSWORD } });
    const healed = await product.untilSettled();
    expect(healed.connection_error).toBeNull();
  });

  it('says that the broker is gone and why, and connects again when it is back', async () => {
    await broker.stop();
    const down = await product.untilStatus('the broker’s end', ({ state }) => state === 'disconnected');
    expect(down.connected).toBe(false);
    expect(down.connection_error).toMatch(/ended the connection|nothing (listens|answers)|refused/i);
    await broker.start();
    await product.untilSettled();
    receiver.clear();
    await publisher.publish('shop/orders/2/created', '{"n": 1}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
  });

  it('reconnects when told to, and says what came of it for each instance', async () => {
    const before = await product.untilSettled();
    const asked = await stack.rest.ask<{ id: string }>('POST', `${product.path}/reconnect`);
    expect(asked.status).toBe(202);
    const done = await waitFor(
      async () => {
        const seen = await stack.rest.call<{ state: string }>('GET', `${product.path}/reconnect/${asked.body.id}`);
        return seen.state === 'done' && seen;
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 50 },
    );
    expect(done).toMatchObject({ instances: [{ instance_id: listener.instance_id, outcome: 'reconnected' }] });
    const after = await product.untilSettled();
    expect(Date.parse(after.last_connected_at ?? '')).toBeGreaterThan(Date.parse(before.last_connected_at ?? ''));
  });

  it('shows the configuration as it was put, without a password', async () => {
    const shown = await stack.rest.ask('GET', product.path);
    expect(shown.body).toMatchObject({
      product_id: product.id,
      mqtt_config: { broker: { username: 'orders', password_set: true }, topics: { prefix: 'shop' } },
      status: { connected: true },
    });
    expect(shown.text).not.toMatch(/"password":/);
  });

  it('leaves its messages to the broker while it is stopped, and says that no listener is there', async () => {
    receiver.clear();
    expect(await listener.stop()).toBe(0);
    const gone = await product.untilStatus('no listener', ({ state }) => state === 'no_listener');
    expect(gone).toMatchObject({ connected: false, instances: [] });
    await publisher.publish('shop/orders/3/created', '{"n": 1}', { id: 'while-away' });
    await listener.start();
    const [request] = await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    expect(request?.json()).toMatchObject({ user_properties: { 'message-id': 'while-away' } });
  });

  it('has no secret in an answer, a log, the queue, or an audit row', async () => {
    // A dead letter, so that the queue has something of this message to keep.
    receiver.answerWith({ status: 410 });
    await publisher.publish('shop/orders/5/created', '{"n": 1}', { id: 'to-be-dead' });
    const queued = await waitFor(
      async () => {
        const content = await queueContent(stack);
        return content.includes('to-be-dead') && content;
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 100 },
    );
    receiver.answerWith({});
    const audit = await stack.rest.ask('GET', `/products/${product.id}/audit-logs?page_size=100`);
    expect(audit.text).toContain('mqtt_config');
    const rows = await tableContent(stack);
    expect(rows).toContain(product.slug);
    const secrets = [PASSWORD, WRONG_PASSWORD, PRODUCT_SECRET, product.listener_token, stack.encryption_key];
    const places = {
      // The token itself is told once, when it is made.
      answers: stack.rest.transcript().replaceAll(`"token":"${product.listener_token}"`, ''),
      logs: stack.output(),
      queue: queued,
      'database rows': rows,
    };
    for (const [place, content] of Object.entries(places)) {
      for (const secret of secrets) {
        // Told by position, so that a failure prints no secret either.
        expect(`${place}: secret ${secrets.indexOf(secret)} at ${content.indexOf(secret)}`).toBe(
          `${place}: secret ${secrets.indexOf(secret)} at -1`,
        );
      }
    }
  });
});

/** Everything that is in Redis, as text. */
async function queueContent({ redis }: Stack): Promise<string> {
  if (redis === null) throw new Error('this looks into Redis');
  const client = new Redis(redis.url);
  try {
    const parts: string[] = [];
    for (const key of await client.keys('*')) {
      switch (await client.type(key)) {
        case 'string':
          parts.push((await client.get(key)) ?? '');
          break;
        case 'hash':
          parts.push(JSON.stringify(await client.hgetall(key)));
          break;
        case 'stream':
          parts.push(JSON.stringify(await client.xrange(key, '-', '+')));
          break;
        case 'list':
          parts.push(...(await client.lrange(key, 0, -1)));
          break;
        default:
          parts.push(...(await client.zrange(key, 0, -1)));
      }
    }
    return parts.join('\n');
  } finally {
    client.disconnect();
  }
}

/** Every row of every table, as text. */
async function tableContent({ database_url }: Stack): Promise<string> {
  const client = new Client({ connectionString: database_url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`,
    );
    const parts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      parts.push(...rows.map(({ row }) => row));
    }
    return parts.join('\n');
  } finally {
    await client.end();
  }
}
