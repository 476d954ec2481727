import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { TestProduct } from './harness/product';
import { startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

const canary = (what: string) => `canary-${what}-${randomBytes(9).toString('hex')}`;

/**
 * Secrets on their way through the whole system, with destinations that repeat all they get: nothing may keep one in clear. Which
 * fields hold secrets is walked by the orchestrator’s own test; here they are used.
 */
describe.each(['postgres', 'redis'] as const)('secrets in use, with the queue on %s', (queue) => {
  /** By what they are; `plain` has characters that JSON, URLs and base64 write in other ways. */
  const secrets = {
    broker: canary('broker'),
    header: canary('header'),
    odd: `${canary('odd')} "q"/ü+&`,
    query: canary('query'),
    body: canary('body'),
    signing: `whsec_${randomBytes(24).toString('base64')}`,
    database: canary('database'),
    channel: canary('channel'),
  };
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let product: TestProduct;
  let listener: TestListener;
  const orchestrator_dir = createTestDirectory('canary');
  const streamed: string[] = [];

  beforeAll(async () => {
    broker = await startMosquitto({ users: { shop: secrets.broker } });
    receiver = await startHttpReceiver({
      // Everything that came, in the status line’s neighbourhood, the headers and the body.
      answer: ({ url, headers, text }) => ({
        status: 500,
        headers: { 'content-type': 'text/plain', 'x-echo': String(headers['x-api-key'] ?? '') },
        body: `${'x'.repeat(460)}\n${url}\n${JSON.stringify(headers)}\n${text}\n${Buffer.from(JSON.stringify(headers)).toString('base64')}`,
      }),
    });
    stack = await startStack({ queue, env: { LOG_LEVEL: 'debug', DATA_DIR: orchestrator_dir } });
    product = await stack.newProduct({
      name: 'canaries',
      broker: { host: '127.0.0.1', port: broker.port, username: 'shop', password: secrets.broker },
    });
    const put = (name: string, value: string) =>
      stack.rest.call('PUT', `/products/${product.id}/secrets/${name}`, { value });
    await put('HEADER', secrets.header);
    await put('ODD', secrets.odd);
    await put('QUERY', secrets.query);
    await put('BODY', secrets.body);
    await put('SIGNING', secrets.signing);
    // Refused by the database.
    await put('DATABASE', stack.database_url.replace(/\/\/[^@]*@/, `//nobody:${secrets.database}@`));
    const retry = { max_attempts: 2, base_delay_ms: 50, max_delay_ms: 100 };
    await product.addSubscription({
      name: 'hook',
      topic: 'in/hook',
      actions: [
        {
          id: 'a',
          type: 'webhook',
          url: `${receiver.url}/x?k={{secrets.QUERY}}&o={{secrets.ODD}}`,
          headers: { authorization: 'Bearer {{secrets.HEADER}}', 'x-api-key': '{{secrets.QUERY}}' },
          body: '{"b": "{{secrets.BODY}}", "o": {{secrets.ODD}}, "p": {{payload}}}',
          signing_secrets: ['SIGNING'],
          retry,
        },
      ],
    });
    await product.addSubscription({
      name: 'sql',
      topic: 'in/sql',
      actions: [
        { id: 'a', type: 'postgres', connection_secret: 'DATABASE', statement: 'SELECT $1', parameters: ['id'], retry },
      ],
    });
    await product.addSubscription({
      name: 'log',
      topic: 'in/log',
      actions: [{ id: 'a', type: 'log', message: 'got {{payload}} with {{secrets.ODD}}' }],
    });
    await stack.rest.call('POST', '/alert-channels', {
      name: 'hook',
      type: 'webhook',
      url: `${receiver.url}/alerts`,
      token: secrets.channel,
    });
    listener = await stack.startListener(product, { env: { LOG_LEVEL: 'debug' } });
    await product.untilSettled();
  });
  afterAll(async () => {
    await stack?.stop();
    await receiver?.stop();
    await broker?.stop();
  });

  it('leave no trace in clear', async () => {
    const ending = new AbortController();
    const streams = ['status/stream', 'events/stream'].map((path) => read(`${product.path}/${path}`, ending.signal));
    streams.push(read(`/products/${product.id}/messages/stream`, ending.signal));
    const publisher = await startPublisher(broker.url, { username: 'shop', password: secrets.broker });
    for (const topic of ['hook', 'sql', 'log']) await publisher.publish(`in/${topic}`, '{"n": 1}');
    await publisher.end();
    const dead = await waitFor(
      async () => {
        const path = `/products/${product.id}/deliveries?state=dead`;
        const { items } = await stack.rest.call<{ items: { id: string }[] }>('GET', path);
        return items.length === 2 && items;
      },
      { timeout_ms: PATIENCE_MS },
    );
    const letters = await Promise.all(
      dead.map(({ id }) => stack.rest.call('GET', `/products/${product.id}/deliveries/${encodeURIComponent(id)}`)),
    );
    // They say what was answered, so there was something to hide.
    expect(JSON.stringify(letters)).toContain('user-agent');
    expect(receiver.requests[0]?.headers.authorization).toBe(`Bearer ${secrets.header}`);
    expect(receiver.requests[0]?.url).toContain(secrets.query);
    await stack.rest.ask('POST', `${product.path}/test`);
    await stack.rest.ask('POST', '/alert-channels/1/test');
    await readEverything();
    ending.abort();
    await Promise.all(streams);

    const out: Record<string, string> = {
      answers: stack.rest.transcript(),
      streams: streamed.join('\n'),
      logs: stack.output(),
      database: await databaseText(stack.database_url),
      queue: stack.redis === null ? '' : await redisText(stack.queue_url),
      files: [listener.data_dir, orchestrator_dir].map(filesText).join('\n'),
    };
    const seen = Object.entries(out).flatMap(([place, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) =>
        formsOf(secret).flatMap((form) => {
          const at = text.indexOf(form);
          return at < 0 ? [] : [`${name} in ${place}: ${text.slice(Math.max(0, at - 120), at + form.length + 20)}`];
        }),
      ),
    );
    expect(seen).toEqual([]);
    expect(out.logs).toContain('"level":"debug"');
    expect(out.database?.length).toBeGreaterThan(10_000);
    if (queue === 'redis') expect(out.queue).toContain('in/hook');
    expect(out.files?.length).toBeGreaterThan(100);
    expect(out.streams).toContain('data:');
  });

  async function read(path: string, signal: AbortSignal): Promise<void> {
    const headers = { authorization: `Bearer ${stack.rest.token}` };
    try {
      const response = await fetch(`${stack.orchestrator_url}/api/v1${path}`, { headers, signal });
      for await (const part of response.body ?? []) streamed.push(Buffer.from(part as Uint8Array).toString());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Every read of the API, the job dashboard and the metrics. */
  async function readEverything(): Promise<void> {
    const document = await stack.rest.call<{ paths: Record<string, object> }>('GET', '/openapi.json');
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!('get' in methods) || path.includes('/stream') || path.includes('/oidc/')) continue;
      const filled = path
        .replace('{product_id}', String(product.id))
        .replace(/\{[a-z_]+\}/g, '1')
        .replace('/api/v1', '');
      if (!filled.startsWith('/internal')) await stack.rest.ask('GET', filled);
    }
    const headers = { authorization: `Bearer ${stack.rest.token}` };
    const board = `${stack.orchestrator_url}/admin/queues/api`;
    const { queues } = (await (await fetch(`${board}/queues`, { headers })).json()) as { queues: { name: string }[] };
    expect(queues.length).toBeGreaterThan(0);
    for (const { name } of queues) {
      for (const status of ['failed', 'delayed', 'completed', 'waiting']) {
        const address = `${board}/queues?activeQueue=${name}&status=${status}&page=1&jobsPerPage=50`;
        streamed.push(await (await fetch(address, { headers })).text());
      }
    }
    streamed.push(await (await fetch(`${stack.orchestrator_url}/metrics`, { headers })).text());
  }
});

/** A secret as it may be written: as it is, in JSON, in a URL, in base64. */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = Buffer.from(secret).toString('base64');
  return [...new Set([secret, json, encodeURIComponent(secret), base64, secret.slice(0, 20)])];
}

/** Every row of every table, bytes of archives unpacked. */
async function databaseText(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
    for (const row of rows) {
      for (const value of Object.values(row))
        texts.push(Buffer.isBuffer(value) ? bytesText(value) : JSON.stringify(value));
    }
  }
  await client.end();
  return texts.join('\n');
}

/** Every value of every key. */
async function redisText(url: string): Promise<string> {
  const redis = new Redis(url);
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    const value =
      type === 'string'
        ? await redis.get(key)
        : type === 'hash'
          ? await redis.hgetall(key)
          : type === 'list'
            ? await redis.lrange(key, 0, -1)
            : type === 'set'
              ? await redis.smembers(key)
              : type === 'zset'
                ? await redis.zrange(key, 0, -1)
                : await redis.xrange(key, '-', '+');
    texts.push(JSON.stringify([key, value]));
  }
  redis.disconnect();
  return texts.join('\n');
}

function filesText(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => bytesText(readFileSync(join(entry.parentPath, entry.name))))
    .join('\n');
}

function bytesText(bytes: Buffer): string {
  const is_gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return `${bytes.toString('utf8')}\n${is_gzip ? gunzipSync(bytes).toString('utf8') : ''}`;
}
