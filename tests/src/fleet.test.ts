import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase, createTestDirectory, freePort, SimulatedListener, waitFor } from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { createRestartable, type Restartable } from './harness/node-process';
import { signIn } from './harness/rest-client';
import { PATIENCE_MS } from './harness/stack';

const PRODUCTS = 100;
const LISTENERS_EACH = 3;
const REPORT_EVERY_MS = 1_000;

interface Node {
  url: string;
  process: Restartable;
  start(): Promise<void>;
}

describe('three orchestrators with 300 listeners, each killed in turn', () => {
  const nodes: Node[] = [];
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    const shared = {
      DATABASE_URL: database.url,
      QUEUE_URL: database.url,
      MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ADMIN_EMAIL: 'admin@example.com',
      ADMIN_PASSWORD: randomBytes(12).toString('hex'),
      LISTENER_RUNTIME: 'none',
      DATABASE_POOL_SIZE: '6',
    };
    for (let index = 0; index < 3; index++) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const env = { ...shared, PORT: String(port), DATA_DIR: createTestDirectory('orchestrator') };
      const process = createRestartable('orchestrator', env);
      const start = async () => {
        await process.start();
        const isReady = async () => (await fetch(`${url}/readyz`)).ok;
        await waitFor(isReady, { timeout_ms: PATIENCE_MS, message: () => `${url}:\n${process.output()}` });
      };
      nodes.push({ url, process, start });
      await start();
    }
    await makeProducts(nodes[0]?.url ?? '', shared);
  }, 240_000);

  afterAll(async () => {
    await Promise.all(nodes.map(({ process }) => process.stop()));
    await client.end();
    await database.drop();
  });

  const listeners: SimulatedListener[] = [];
  /** Listeners of a product, by its id. */
  const ofProduct = new Map<number, SimulatedListener[]>();

  async function makeProducts(url: string, { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: Record<string, string>) {
    const rest = await signIn(url, { email: email ?? '', password: password ?? '' });
    const agent = new Agent({ keepAlive: true, maxSockets: 100 });
    const makeOne = async (number: number) => {
      const { id } = await rest.call<{ id: number }>('POST', '/products', { name: `Product ${number}` });
      const subscription = { name: 'all', topic: 'all/#' };
      const path = `/products/${id}/mqtt-config/subscriptions`;
      const { id: subscription_id } = await rest.call<{ id: number }>('POST', path, subscription);
      const { token } = await rest.call<{ token: string }>('POST', `/products/${id}/listener-tokens`, { name: 'test' });
      const own = Array.from({ length: LISTENERS_EACH }, (_, index) => {
        const instance_id = `p${number}-${index}`;
        return new SimulatedListener({ token, instance_id, subscription_id, applied_revision: 2, agent });
      });
      ofProduct.set(id, own);
      listeners.push(...own);
    };
    for (let number = 1; number <= PRODUCTS; number += 5)
      await Promise.all([0, 1, 2, 3, 4].map((more) => makeOne(number + more)));
  }

  it('counts each message once: none is lost, none counts twice', async () => {
    let isReceiving = true;
    let unanswered = 0;
    let turn = 0;
    const reportOnce = async (listener: SimulatedListener) => {
      turn += 1;
      try {
        await listener.report(nodes[turn % nodes.length]?.url ?? '');
      } catch {
        // As through a balancer: the next report goes to another node, with what this one counted.
        unanswered += 1;
      }
    };
    const run = async (listener: SimulatedListener, index: number) => {
      await delay((index % 100) * 10);
      while (isReceiving || !listener.isSettled) {
        if (isReceiving && Math.random() < 0.6) listener.receive(1 + Math.floor(Math.random() * 20));
        await reportOnce(listener);
        await delay(isReceiving ? REPORT_EVERY_MS : 50);
      }
    };
    const running = listeners.map(run);
    for (const { process, start } of nodes) {
      await delay(2_000);
      await process.kill();
      await delay(500);
      await start();
    }
    await delay(2_000);
    isReceiving = false;
    await Promise.all(running);

    expect(unanswered).toBeGreaterThan(0);
    const { rows } = await client.query<{ product_id: number; product: number; subscription: number; buckets: number }>(
      `SELECT s.product_id, s.messages_received::int AS product,
         (SELECT sum(messages_received)::int FROM mqtt_subscriptions sub JOIN mqtt_configs c ON c.id = sub.mqtt_config_id
           WHERE c.product_id = s.product_id) AS subscription,
         (SELECT coalesce(sum(messages_received), 0)::int FROM metric_buckets b WHERE b.product_id = s.product_id) AS buckets
       FROM mqtt_connection_status s`,
    );
    expect(rows).toHaveLength(PRODUCTS);
    const wrong = rows.flatMap(({ product_id, ...counted }) => {
      const received = (ofProduct.get(product_id) ?? []).reduce((sum, listener) => sum + listener.received, 0);
      const isRight = Object.values(counted).every((count) => count === received);
      return isRight ? [] : [{ product_id, received, ...counted }];
    });
    expect(wrong).toEqual([]);
    expect(listeners.reduce((sum, { received }) => sum + received, 0)).toBeGreaterThan(1_000);
  }, 240_000);
});
