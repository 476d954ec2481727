import { Writable } from 'node:stream';
import { createLogger, createRedactor, isSensitiveKey } from '@cortex-mqtt/observability';
import { buildTestApp, type TestApp } from '../testing/build-test-app';
import { type HttpCalls, startHttpCalls } from '../testing/http-calls';
import { buildOpenApi } from './openapi';
import { type ApiDocument, operationsOf, resolved, sample, type Schema } from '../testing/api-document';

/** Sensitive by what they hold, whatever their names say. */
const ALSO_SENSITIVE = new Set(['value', 'url', 'proxy_url', 'routing_key', 'client_key']);
/** Named like a secret and none: names, keys of an order, switches. */
const NO_SECRETS = /^(message_key|applied_revision_key|revoke_api_tokens|secrets|secret)$/;

const CHANNEL_TYPES: Record<string, Record<string, unknown>> = {
  webhook: { url: 'http://127.0.0.1:9/hook' },
  slack: {},
  teams: {},
  discord: {},
  pagerduty: {},
  telegram: { chat_id: '1' },
  ntfy: { url: 'http://127.0.0.1:9/', topic: 'x' },
  alertmanager: { url: 'http://127.0.0.1:9/' },
  email: { to: ['a@example.com'], from: 'b@example.com', smtp_host: '127.0.0.1', username: 'me' },
  mqtt: { url: 'mqtt://127.0.0.1:9', topic: 'x', username: 'me' },
};

/** Every secret that goes in, under a name of its own, to be looked for wherever something comes out. */
describe('secrets that were sent', () => {
  let test: TestApp;
  let calls: HttpCalls;
  let document: ApiDocument;
  let product_id: number;
  let token: string;
  const log = new (class extends Writable {
    text = '';
    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
      this.text += chunk.toString();
      done();
    }
  })();
  const answers: string[] = [];
  /** Each canary by where it was put. */
  const canaries = new Map<string, string>();
  const accepted = new Set<string>();

  beforeAll(async () => {
    const logger = createLogger({
      service: 'orchestrator',
      version: 'test',
      redactor: createRedactor(),
      level: 'debug',
      destination: log,
    });
    test = await buildTestApp({ logger });
    for (const route of test.features.routes) Object.assign(route, { limit: undefined });
    document = buildOpenApi({ routes: test.features.routes, version: 'test' }) as unknown as ApiDocument;
    product_id = (await test.product()).id;
    ({ token } = await test.client('admin'));
    // A connection test waits for a listener that isn’t there.
    calls = await startHttpCalls(test.app, { connections: 8, limit_ms: 4_000 });
  });
  afterAll(async () => {
    calls.close();
    await test.close();
  });

  /** Paths to fields that can hold a secret, such as `broker.password`. */
  function sensitivePaths(schema: Schema, depth = 0): string[][] {
    if (depth > 5) return [];
    const { properties = {}, items } = resolved(document, schema);
    if (items !== undefined) return sensitivePaths(items, depth + 1).map((path) => ['[]', ...path]);
    return Object.entries(properties).flatMap(([name, property]) => {
      const inner = sensitivePaths(property, depth + 1).map((path) => [name, ...path]);
      const is_secret = (isSensitiveKey(name) || ALSO_SENSITIVE.has(name)) && !NO_SECRETS.test(name);
      return is_secret && inner.length === 0 ? [[name]] : inner;
    });
  }

  function canaryFor(place: string, name: string): string {
    const canary = `canary${canaries.size}x${Math.random().toString(36).slice(2, 12)}`;
    canaries.set(canary, place);
    if (name === 'proxy_url') return `http://user:${canary}@127.0.0.1:9/`;
    if (name.includes('url')) return `https://127.0.0.1:9/${canary}`;
    if (name === 'signing_secret') return `whsec_${Buffer.from(`${canary}${canary}`).toString('base64')}`;
    return canary;
  }

  /** A body with a secret in one place, made from what the schema asks for. */
  function withSecret(schema: Schema, path: string[], secret: string, base: Record<string, unknown>): unknown {
    const [name = '', ...rest] = path;
    const bare = resolved(document, schema);
    if (name === '[]') return [withSecret(bare.items ?? {}, rest, secret, {})];
    const body = { ...(sample(document, schema) as Record<string, unknown>), ...base };
    const property = bare.properties?.[name] ?? {};
    body[name] = rest.length === 0 ? secret : withSecret(property, rest, secret, {});
    return body;
  }

  async function send(method: string, path: string, body?: unknown): Promise<number> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await calls.send({ method, path, headers, ...(text === undefined ? {} : { body: text }) });
    answers.push(`${method} ${path}: ${answer.text}`);
    return answer.status;
  }

  const pathOf = (path: string): string =>
    path
      .replace('{product_id}', String(product_id))
      .replace('{name}', 'CANARY')
      .replace(/\{[a-z_]+\}/g, '1');

  it('go into every field of the API that can hold one', async () => {
    await send('put', `/api/v1/products/${product_id}/mqtt-config`, { broker: { host: '127.0.0.1', port: 9 } });
    await send('post', `/api/v1/products/${product_id}/brokers`, { name: 'spare', host: '127.0.0.1', port: 9 });
    await send('post', '/api/v1/alert-channels', { name: 'c', type: 'slack', url: 'https://127.0.0.1:9/x' });
    for (const { method, path, requestBody } of operationsOf(document)) {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined || path.startsWith('/internal')) continue;
      for (const place of sensitivePaths(schema)) {
        const name = place.at(-1) ?? '';
        const variants = path === '/api/v1/alert-channels' ? Object.entries(CHANNEL_TYPES) : [['', {}] as const];
        for (const [type, fields] of variants) {
          const where = [method, path, type, place.join('.')].filter((part) => part !== '').join(' ');
          const base = {
            ...(type === '' ? {} : { type, name: `channel ${canaries.size}` }),
            ...(/\/brokers(\/\{id\})?$/.test(path)
              ? { host: '127.0.0.1', port: 9, name: `broker ${canaries.size}` }
              : {}),
            ...(path.endsWith('/secrets') ? { name: `CANARY_${canaries.size}` } : {}),
            ...(path.endsWith('/users') ? { email: `user-${canaries.size}@example.com` } : {}),
            ...fields,
          };
          // Where a web hook goes is no secret; of Slack and the like it is.
          if ((name === 'url' && 'url' in fields) || place.join('.') === 'target.url') continue;
          const status = await send(method, pathOf(path), withSecret(schema, place, canaryFor(where, name), base));
          if (status < 300) accepted.add(`${method} ${path} ${place.join('.')}`);
        }
      }
    }
    // What is not accepted anywhere proves little: these are.
    for (const place of [
      'put /api/v1/products/{product_id}/mqtt-config broker.password',
      'put /api/v1/products/{product_id}/mqtt-config broker.proxy_password',
      'post /api/v1/products/{product_id}/brokers password',
      'put /api/v1/products/{product_id}/secrets/{name} value',
      'post /api/v1/products/{product_id}/secrets value',
      'post /api/v1/users password',
      'post /api/v1/alert-channels url',
      'post /api/v1/alert-channels password',
      'post /api/v1/alert-channels token',
      'post /api/v1/alert-channels routing_key',
      'post /api/v1/alert-channels signing_secret',
    ]) {
      expect([place, accepted.has(place)]).toEqual([place, true]);
    }
    expect(canaries.size).toBeGreaterThan(60);
  });

  it('come out of no answer, no row and no line of the log', async () => {
    for (const { method, path } of operationsOf(document)) {
      if (method === 'get' && !path.startsWith('/internal') && !path.includes('/oidc/'))
        await send(method, pathOf(path));
    }
    await test.features.notifier.settled();
    const tables = await test.dataSource.query<{ name: string }[]>(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const rows: string[] = [];
    for (const { name } of tables) {
      const found = await test.dataSource.query<{ row: string }[]>(`SELECT t::text AS row FROM ${name} t`);
      rows.push(...found.map(({ row }) => `${name}: ${row}`));
    }
    expect(rows.length).toBeGreaterThan(50);
    expect(log.text.split('\n').length).toBeGreaterThan(100);
    const out = [...answers, ...rows, ...log.text.split('\n')];
    const seen = [...canaries].flatMap(([canary, place]) =>
      [canary, Buffer.from(canary).toString('base64').slice(0, 16)].flatMap((form) => {
        const line = out.find((text) => text.includes(form));
        return line === undefined ? [] : [`${place} in ${around(line, form)}`];
      }),
    );
    expect(seen).toEqual([]);
  });
});

function around(line: string, form: string): string {
  const at = line.indexOf(form);
  return `${line.slice(0, 80)} … ${line.slice(Math.max(0, at - 80), at + form.length + 20)}`;
}
