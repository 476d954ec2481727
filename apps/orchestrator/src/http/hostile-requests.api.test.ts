import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createHealth, createMetrics } from '@cortex-mqtt/observability';
import { healthRouter } from '../features/health/health.router';
import { type ApiDocument, type Operation, operationsOf, resolved, sample } from '../testing/api-document';
import { buildTestApp, type TestApp } from '../testing/build-test-app';
import { type HttpCalls, type RawCall, startHttpCalls } from '../testing/http-calls';
import { buildOpenApi } from './openapi';

/** JSON that no field is made for, as it goes over the wire. */
const HOSTILE_JSON = [
  'null',
  '-1',
  '1e308',
  '3000000000',
  '[3000000000]',
  '""',
  '"a\\u0000b"',
  '"\\ud800"',
  `"${'x'.repeat(20_000)}"`,
  '[null]',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":1}}',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
];
const HOSTILE_NESTED = ['null', '"a\\u0000b"', '{"constructor":{"prototype":1}}'];
const HOSTILE_BODIES = [
  'null',
  '[]',
  '7',
  '{',
  '{"__proto__":{"a":1}}',
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
];
const HOSTILE_TEXTS = ['', 'a%00b', '%ff', '-1', '1e999', `${'9'.repeat(400)}`, '[]'];
const HOSTILE_HEADERS: Record<string, string>[] = [
  { 'If-Match': '"x"' },
  { 'If-Match': `"${'9'.repeat(400)}"` },
  { 'If-None-Match': 'W/"-1", "' },
  { 'Last-Event-ID': '9'.repeat(15) },
  { 'Idempotency-Key': 'x'.repeat(2_000) },
];

/** Of a probe of liveness, from the connection to the answer. */
const LIVE_WITHIN_MS = 500;

/** Asks `/livez` again and again, over a connection of its own, as what restarts a process that hangs does. */
function watchLiveness(app: RequestListener): { end(): Promise<{ asked: number; slowest_ms: number }> } {
  const ending = new AbortController();
  const work = async () => {
    const calls = await startHttpCalls(app, { connections: 1, limit_ms: 10_000 });
    let [asked, slowest_ms] = [0, 0];
    while (!ending.signal.aborted) {
      const began = performance.now();
      const cpu = process.cpuUsage();
      const { status } = await calls.send({ method: 'get', path: '/livez' });
      expect(status).toBe(200);
      const { user, system } = process.cpuUsage(cpu);
      // What other processes took of a busy machine is not ours.
      slowest_ms = Math.max(slowest_ms, Math.min(performance.now() - began, (user + system) / 1_000));
      asked += 1;
      await delay(20);
    }
    calls.close();
    return { asked, slowest_ms };
  };
  const working = work();
  return {
    end: () => {
      ending.abort();
      return working;
    },
  };
}

describe('hostile requests', () => {
  let test: TestApp;
  let calls: HttpCalls;
  let document: ApiDocument;
  let operations: Operation[];
  let tokens: { admin: string; listener: string };
  let product_id: number;

  beforeAll(async () => {
    const health = createHealth({ redactText: (text) => text });
    const mount = { health, metrics: createMetrics({ service: 'test' }), metrics_token: undefined, version: '1' };
    const rest = { git_commit: 'x', listener_runtime: 'none', installationApart: () => null } as const;
    test = await buildTestApp({ mounts: () => [{ path: '/', handler: healthRouter({ ...mount, ...rest }) }] });
    // What one user may do so often is tested elsewhere.
    for (const route of test.features.routes) Object.assign(route, { limit: undefined });
    document = buildOpenApi({ routes: test.features.routes, version: 'test' }) as unknown as ApiDocument;
    product_id = (await test.product()).id;
    tokens = { admin: (await test.client('admin')).token, listener: (await test.listener(product_id)).token };
    calls = await startHttpCalls(test.app, { connections: 4, limit_ms: 4_000 });
    operations = operationsOf(document);
    // What deletes comes last, and the product last of all.
    const rank = ({ method, path }: Operation) => (method !== 'delete' ? 0 : path.endsWith('{product_id}') ? 2 : 1);
    operations.sort((a, b) => rank(a) - rank(b));
  });

  afterAll(async () => {
    calls.close();
    await test.close();
  });

  const urlOf = ({ path }: Operation, override: Record<string, string> = {}): string =>
    path.replace(/\{([a-z_]+)\}/g, (_match, name: string) => {
      const usual = name === 'product_id' ? String(product_id) : name === 'name' ? 'TOKEN' : '1';
      return (
        override[name] ??
        (/reconnect|tests|operations|deliver/.test(path) && name !== 'product_id' ? randomUUID() : usual)
      );
    });

  const headersOf = (operation: Operation): Record<string, string> => ({
    Authorization: `Bearer ${operation['x-access'] === 'listener' ? tokens.listener : tokens.admin}`,
  });

  /** Bodies with one thing wrong each. */
  function bodiesOf(operation: Operation): string[] {
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (schema === undefined) return [];
    const base = sample(document, schema) as Record<string, unknown>;
    const bodies = [...HOSTILE_BODIES, '{}', JSON.stringify(base)];
    const at = (path: string[], value: string): void => {
      const body = structuredClone(base);
      let place: Record<string, unknown> = body;
      for (const name of path.slice(0, -1)) {
        place[name] = { ...(place[name] as object) };
        place = place[name] as Record<string, unknown>;
      }
      place[path.at(-1) ?? ''] = '@@';
      bodies.push(JSON.stringify(body).replace('"@@"', value));
    };
    for (const [name, property] of Object.entries(resolved(document, schema).properties ?? {})) {
      for (const value of HOSTILE_JSON) at([name], value);
      for (const inner of Object.keys(resolved(document, property).properties ?? {})) {
        for (const value of HOSTILE_NESTED) at([name, inner], value);
      }
    }
    return bodies;
  }

  function callsOf(operation: Operation): RawCall[] {
    const { method, parameters } = operation;
    const headers = headersOf(operation);
    const schema = operation.requestBody?.content['application/json']?.schema;
    const body = schema === undefined ? {} : { body: JSON.stringify(sample(document, schema)) };
    const path = urlOf(operation);
    return [
      ...bodiesOf(operation).map((one) => ({ method, path, headers, body: one })),
      ...HOSTILE_HEADERS.map((more) => ({ method, path, headers: { ...headers, ...more }, ...body })),
      ...parameters.flatMap(({ name, in: place }) =>
        HOSTILE_TEXTS.filter((text) => place === 'query' || text !== '').map((text) => ({
          method,
          path: place === 'path' ? urlOf(operation, { [name]: text }) : `${path}?${name}=${text}&${name}=2`,
          headers,
          ...body,
        })),
      ),
    ];
  }

  it('get no 5xx from any route, whatever they carry, and keep nobody waiting', async () => {
    const failed: string[] = [];
    let sent = 0;
    const send = async (operation: Operation): Promise<void> => {
      const answers = callsOf(operation).map(async (call) => {
        sent += 1;
        const { status, text } = await calls.send(call);
        if (status < 500) return;
        const given = [call.body?.slice(0, 120), JSON.stringify(call.headers)].join(' ');
        failed.push(`${status} ${call.method} ${call.path.slice(0, 120)} ${given} → ${text.slice(0, 200)}`);
      });
      await Promise.all(answers);
    };
    const liveness = watchLiveness(test.app);
    // A few at a time: the bodies are made by this process too.
    const others = operations.filter(({ method }) => method !== 'delete').values();
    const sendAll = async () => {
      for (const operation of others) await send(operation);
    };
    await Promise.all([sendAll(), sendAll(), sendAll(), sendAll()]);
    for (const operation of operations.filter(({ method }) => method === 'delete')) await send(operation);
    const { asked, slowest_ms } = await liveness.end();
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(10);
    expect(slowest_ms).toBeLessThan(LIVE_WITHIN_MS);
    expect(sent).toBeGreaterThan(2_000);
  }, 240_000);

  it('hear of each required field that they leave out', async () => {
    const wrong: string[] = [];
    // The product is gone by now.
    product_id = (await test.product()).id;
    tokens = { admin: (await test.client('admin')).token, listener: (await test.listener(product_id)).token };
    for (const operation of operations) {
      const schema = operation.requestBody?.content['application/json']?.schema;
      if (schema === undefined || operation.path.includes('{id}')) continue;
      const body = sample(document, schema) as Record<string, unknown>;
      for (const name of resolved(document, schema).required ?? []) {
        const { [name]: _left_out, ...rest } = body;
        const call = {
          method: operation.method,
          path: urlOf(operation),
          headers: headersOf(operation),
          body: JSON.stringify(rest),
        };
        const { status, text } = await calls.send(call);
        const fields = status === 400 ? (JSON.parse(text).errors as { field: string }[]).map(({ field }) => field) : [];
        if (!fields.includes(name))
          wrong.push(`${operation.method} ${operation.path} without ${name}: ${status} ${text}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
