import { buildCounters, buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { rollUp } from './metric-store';

const HOUR_MS = 3600_000;

describe('traffic over time', () => {
  let app: TestApp;
  let viewer: Client;
  let product_id: number;

  beforeAll(async () => {
    app = await buildTestApp();
    viewer = await app.client('viewer');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
  });
  afterAll(() => app.close());

  const bucket = (starts_at: Date, messages_received: number, latency_p99_ms: number | null = null) =>
    app.dataSource.query(
      `INSERT INTO metric_buckets (product_id, width_s, starts_at, messages_received, latency_p99_ms)
       VALUES ($1, 10, $2, $3, $4)`,
      [product_id, starts_at, messages_received, latency_p99_ms],
    );
  const read = async (query = '') =>
    (await viewer('get', `/api/v1/products/${product_id}/metrics${query}`).expect(200)).body;
  const floor = (ms: number, width_s: number): Date => new Date(Math.floor(ms / (width_s * 1000)) * width_s * 1000);

  it('comes from what listeners report, without gaps', async () => {
    await app.features.statusReports.ingest(
      product_id,
      buildStatusReport({ counters: buildCounters({ messages_received: 30, actions_failed: 2 }) }),
    );
    const metrics = await read();
    expect(metrics.width_s).toBe(10);
    expect(metrics.points.length).toBeGreaterThanOrEqual(360);
    const steps = new Set(
      metrics.points
        .slice(1)
        .map((point: { at: string }, index: number) => Date.parse(point.at) - Date.parse(metrics.points[index].at)),
    );
    expect([...steps]).toEqual([10_000]);
    const total = (field: string) =>
      metrics.points.reduce((sum: number, point: Record<string, number>) => sum + (point[field] ?? 0), 0);
    expect([total('messages_received'), total('actions_failed')]).toEqual([30, 2]);
  });

  it('has marks for changes, incidents and failovers within the time, and for nothing else', async () => {
    const admin = await app.client('admin');
    await admin('patch', `/api/v1/products/${product_id}`).send({ description: 'changed' }).expect(200);
    await app.dataSource.query(
      `WITH i AS (INSERT INTO alert_incidents (group_key, kind, rule_id, rule_name, severity, title, started_at)
         VALUES ($1, 'not_connected', 1, 'r', 'critical', 'Shop: not connected', now()) RETURNING id)
       INSERT INTO alert_incident_members (incident_id, rule_id, product_id, series, began_at)
       SELECT id, 1, $2, '', now() FROM i`,
      [`marks ${product_id}`, product_id],
    );
    await app.dataSource.query(
      `INSERT INTO connection_events (product_id, instance_id, at, type, detail)
       VALUES ($1, '', now(), 'failover', '{"from": "primary", "to": "secondary"}'), ($1, '', now(), 'online', '{}'),
         ($1, '', now() - interval '2 hours', 'failback', '{}')`,
      [product_id],
    );
    const { marks } = await read(`?to=${new Date(Date.now() + 1_000).toISOString()}`);
    const seen = marks.map(({ kind, text }: { kind: string; text: string }) => `${kind}: ${text}`);
    expect(seen).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^configuration: product update/),
        'incident: Shop: not connected',
        'failover: failover: primary to secondary',
      ]),
    );
    expect(seen.join()).not.toMatch(/online|failback/);
    expect(marks.find(({ kind }: { kind: string }) => kind === 'incident').incident_id).toEqual(expect.any(Number));
  });

  it('is added up to the width asked for', async () => {
    const start = floor(Date.now() - HOUR_MS, 60);
    await bucket(start, 1, 5);
    await bucket(new Date(start.getTime() + 10_000), 2, 9);
    await bucket(new Date(start.getTime() + 60_000), 4);
    const metrics = await read(`?from=${start.toISOString()}&width_s=60`);
    expect(metrics.points.slice(0, 3)).toMatchObject([
      { messages_received: 3, latency_p99_ms: 9 },
      { messages_received: 4, latency_p99_ms: null },
      { messages_received: 0 },
    ]);
  });

  it('keeps its sums while it is rolled up, and answers in the width that is kept', async () => {
    const now = new Date();
    const two_days_ago = floor(now.getTime() - 48 * HOUR_MS, 600);
    for (let index = 0; index < 12; index += 1) await bucket(new Date(two_days_ago.getTime() + index * 10_000), 1);
    const query = `?from=${two_days_ago.toISOString()}&to=${new Date(two_days_ago.getTime() + HOUR_MS).toISOString()}&width_s=10`;
    const before = await read(query);
    expect(await rollUp(app.dataSource, now)).toBe(true);
    expect(await rollUp(app.dataSource, now)).toBe(true);
    const widths = await app.dataSource.query(
      'SELECT width_s, count(*)::int AS count FROM metric_buckets WHERE product_id = $1 GROUP BY width_s',
      [product_id],
    );
    expect(widths).toEqual([{ width_s: 60, count: 2 }]);
    const after = await read(query);
    expect(after.width_s).toBe(60);
    expect(after.points).toEqual(before.points);
    expect(after.points[0].messages_received).toBe(6);
  });

  it('goes after 30 days', async () => {
    const now = new Date();
    await bucket(floor(now.getTime() - 31 * 24 * HOUR_MS, 600), 1);
    await bucket(floor(now.getTime() - 29 * 24 * HOUR_MS, 600), 1);
    await rollUp(app.dataSource, now);
    const rows = await app.dataSource.query('SELECT width_s FROM metric_buckets WHERE product_id = $1', [product_id]);
    expect(rows).toEqual([{ width_s: 600 }]);
  });

  it('is rolled up by one orchestrator at a time', async () => {
    const runner = app.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock($1)', [0x6d657472]);
    expect(await rollUp(app.dataSource)).toBe(false);
    await runner.rollbackTransaction();
    await runner.release();
    expect(await rollUp(app.dataSource)).toBe(true);
  });

  it('refuses times that make no sense', async () => {
    const path = `/api/v1/products/${product_id}/metrics`;
    await viewer('get', `${path}?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z`).expect(400);
    await viewer('get', `${path}?from=2029-01-02T00:00:00Z&to=2030-01-01T00:00:00Z`).expect(400);
    await viewer('get', `${path}?from=2030-01-01T00:00:00Z&to=2030-01-30T00:00:00Z&width_s=10`).expect(400);
    await viewer('get', '/api/v1/products/99999/metrics').expect(404);
  });

  it('shows as rates in the status', async () => {
    const now = Date.now();
    await bucket(floor(now - 30_000, 10), 600);
    await bucket(floor(now - 600_000, 10), 8_400);
    const { body } = await viewer('get', `/api/v1/products/${product_id}/mqtt-config/status`).expect(200);
    expect(body.rate_1m).toBeGreaterThan(600 / 75);
    expect(body.rate_1m).toBeLessThanOrEqual(10);
    expect(body.rate_15m).toBeGreaterThan(9);
    expect(body.rate_15m).toBeLessThanOrEqual(10);
  });
});

describe('the overview of all products', () => {
  let app: TestApp;
  let viewer: Client;

  beforeAll(async () => {
    app = await buildTestApp();
    viewer = await app.client('viewer');
  });
  afterAll(() => app.close());

  it('has problems first, and the traffic of the last ten minutes', async () => {
    const well = await app.product({ name: 'A well' });
    const cut = await app.product({ name: 'B cut' });
    const off = await app.product({ name: 'C off', enabled: false });
    const silent = await app.product({ name: 'D silent' });
    await app.product({ name: 'E no listener' });
    await app.features.statusReports.ingest(
      well.id,
      buildStatusReport({ counters: buildCounters({ messages_received: 12 }) }),
    );
    await app.features.statusReports.ingest(cut.id, buildStatusReport({ state: 'disconnected', reason: 'refused' }));
    await app.features.statusReports.ingest(silent.id, buildStatusReport());
    await app.dataSource.query(
      `UPDATE listener_instances SET last_heartbeat_at = now() - interval '1 hour' WHERE product_id = $1`,
      [silent.id],
    );
    const { body } = await viewer('get', '/api/v1/overview').expect(200);
    expect(body.items.map((item: { name: string; state: string }) => [item.name, item.state])).toEqual([
      ['B cut', 'disconnected'],
      ['D silent', 'stale'],
      ['E no listener', 'no_listener'],
      ['A well', 'connected'],
      ['C off', 'no_listener'],
    ]);
    const [first, , without, last] = body.items;
    expect(without.connection_error).toBe('No listener is running for this product.');
    expect(first).toMatchObject({ connection_error: 'refused', connected: false });
    expect(last.sparkline).toHaveLength(60);
    expect(last.sparkline.reduce((sum: number, count: number) => sum + count)).toBe(12);
    expect(last.rate_1m).toBeGreaterThan(0);
    const found = await viewer('get', '/api/v1/overview?search=b+cut&page_size=1').expect(200);
    expect(found.body).toMatchObject({ total: 1, items: [{ product_id: cut.id }] });
    const second = await viewer('get', '/api/v1/overview?page=2&page_size=2').expect(200);
    expect(second.body).toMatchObject({
      total: 5,
      page: 2,
      items: [{ name: 'E no listener' }, { product_id: well.id }],
    });
    expect((await viewer('get', '/api/v1/overview?page=9').expect(200)).body).toMatchObject({ total: 5, items: [] });
    expect((await viewer('get', '/api/v1/overview?search=none').expect(200)).body).toMatchObject({
      total: 0,
      items: [],
    });
    const granted = await app.client('viewer', [off.id]);
    expect((await granted('get', '/api/v1/overview').expect(200)).body).toMatchObject({
      total: 1,
      items: [{ product_id: off.id }],
    });
  });
});
