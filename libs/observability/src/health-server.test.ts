import { createHealth, type Health } from './health';
import { type HealthServer, startHealthServer } from './health-server';
import { createMetrics } from './metrics';

describe('createHealth', () => {
  it('lists every dependency with its state and the reason of a failing one', async () => {
    const health = createHealth({ redactText: (t) => t.replace('pw', '***') });
    health.register({ name: 'postgres', check: async () => {} });
    health.register({ name: 'queue', check: () => Promise.reject(new Error('refused pw')) });
    health.register({
      name: 'broken',
      check: () => {
        throw new TypeError('not even a promise');
      },
    });
    expect(await health.ready()).toEqual({
      status: 'failing',
      checks: [
        { name: 'postgres', status: 'ok', duration_ms: expect.any(Number) },
        { name: 'queue', status: 'failing', error: 'refused ***', duration_ms: expect.any(Number) },
        { name: 'broken', status: 'failing', error: 'not even a promise', duration_ms: expect.any(Number) },
      ],
    });
  });

  it('is degraded, and ready, while only what is optional fails', async () => {
    const health = createHealth();
    const fail = { check: () => Promise.reject(new Error('away')) };
    health.register({ name: 'queue', optional: true, ...fail });
    expect((await health.ready()).status).toBe('degraded');
    health.register({ name: 'database', ...fail });
    expect((await health.ready()).status).toBe('failing');
  });

  it('is ready without dependencies', async () => {
    expect(await createHealth().ready()).toEqual({ status: 'ok', checks: [] });
  });

  it('counts a dependency that hangs as failing, and asks it once however often it is probed', async () => {
    const health = createHealth();
    let asked = 0;
    let answer = (): void => {};
    health.register({
      name: 'hung',
      timeout_ms: 5,
      check: () => {
        asked += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    });
    const results = [await health.ready(), await health.ready()];
    expect(results.map((r) => r.checks[0]?.error)).toEqual(['no answer within 5 ms', 'no answer within 5 ms']);
    expect(asked).toBe(1);
    answer();
    await new Promise(setImmediate);
    const later = health.ready();
    answer();
    await later;
    expect(asked).toBe(2);
  });
});

describe('startHealthServer', () => {
  let server: HealthServer;
  let health: Health;
  const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;

  beforeEach(async () => {
    health = createHealth();
    const metrics = createMetrics({ service: 'listener', version: '1.2.3', git_commit: 'abc', defaultMetrics: true });
    metrics.counter({ name: 'messages_total', help: 'Messages', labelNames: ['topic'] }).inc({ topic: 't' });
    server = await startHealthServer({
      port: 0,
      health,
      metrics: () => metrics,
      extra: () => ({ config_source: 'orchestrator' }),
    });
  });
  afterEach(() => server.close());

  it('answers that it lives, with more to say at /healthz', async () => {
    health.register({ name: 'down', check: () => Promise.reject(new Error('down')) });
    const live = await fetch(url('/livez'));
    expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
    const healthz = await fetch(url('/healthz?x=1'));
    expect([healthz.status, await healthz.json()]).toEqual([200, { status: 'ok', config_source: 'orchestrator' }]);
  });

  it('answers 503 while a dependency fails, and 200 once it answers', async () => {
    let up = false;
    health.register({ name: 'broker', check: () => (up ? Promise.resolve() : Promise.reject(new Error('down'))) });
    const before = await fetch(url('/readyz'));
    expect([before.status, await before.json()]).toEqual([503, expect.objectContaining({ status: 'failing' })]);
    up = true;
    expect((await fetch(url('/readyz'))).status).toBe(200);
  });

  it('serves metrics in the exposition format', async () => {
    const response = await fetch(url('/metrics'));
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    expect(text).toContain('messages_total{topic="t",service="listener"} 1');
    expect(text).toContain('cortex_mqtt_build_info{version="1.2.3",git_commit="abc",service="listener"} 1');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('refuses other paths and methods', async () => {
    expect((await fetch(url('/'))).status).toBe(404);
    expect((await fetch(url('/livez'), { method: 'POST' })).status).toBe(405);
  });

  it('rejects when the port is taken', async () => {
    const second = startHealthServer({ port: server.port, health, metrics: () => createMetrics({ service: 'x' }) });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
