import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConnectionEvent, StatusReport } from '@cortex-mqtt/contracts';
import { buildStatusReport, waitFor } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { ConnectionHistoryService } from './connection-history.service';

const STALE_AFTER_MS = 60_000;

describe('the connection history of a product', () => {
  let app: TestApp;
  let viewer: Client & { token: string };
  let product_id: number;
  let base: string;

  beforeAll(async () => {
    app = await buildTestApp({ stale_after_ms: STALE_AFTER_MS });
    viewer = await app.client('viewer');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    base = `/api/v1/products/${product_id}/mqtt-config`;
  });
  afterAll(() => app.close());

  const report = (overrides: Partial<StatusReport>) =>
    app.features.statusReports.ingest(product_id, buildStatusReport(overrides));
  const event = (type: ConnectionEvent['type'], minute: number, broker = 'primary'): ConnectionEvent => ({
    at: new Date(Date.UTC(2030, 0, 1, 0, minute)).toISOString(),
    type,
    broker,
    detail: { n: minute },
  });
  const types = async (query = ''): Promise<string[]> => {
    const { body } = await viewer('get', `${base}/events${query}`).expect(200);
    return body.items.map((item: { type: string }) => item.type);
  };
  const store = (at: Date, type: string): Promise<unknown> =>
    app.dataSource.query(`INSERT INTO connection_events (product_id, instance_id, at, type) VALUES ($1, '', $2, $3)`, [
      product_id,
      at,
      type,
    ]);

  it('has what listeners report, newest first, by page, type, broker and time', async () => {
    await report({
      state: 'starting',
      delta: {
        sequence: 1,
        subscriptions: [],
        events: [event('connected', 1), event('failover', 2, 'standby'), event('disconnected', 3)],
      },
    });
    expect(await types()).toEqual(['disconnected', 'failover', 'connected']);
    expect(await types('?page=2&page_size=2')).toEqual(['connected']);
    expect(await types('?type=connected,disconnected')).toEqual(['disconnected', 'connected']);
    expect(await types('?broker=standby')).toEqual(['failover']);
    expect(await types('?from=2030-01-01T00:02:00Z&to=2030-01-01T00:03:00Z')).toEqual(['failover']);
    await viewer('get', `${base}/events?from=yesterday`).expect(400);
  });

  it('tells once when the product came and when it went, over all its instances', async () => {
    await report({ instance_id: 'one', sequence: 1 });
    await report({ instance_id: 'two', sequence: 1 });
    await report({ instance_id: 'one', sequence: 2, state: 'disconnected', reason: 'cut' });
    expect(await types()).toEqual(['online']);
    await report({ instance_id: 'two', sequence: 2, state: 'disconnected', reason: 'cut too' });
    const { body } = await viewer('get', `${base}/events`).expect(200);
    expect(body.items).toMatchObject([{ type: 'offline', instance_id: null }, { type: 'online' }]);
  });

  it('counts a silent listener as gone from its last heartbeat on, and as back with its next report', async () => {
    await report({ sequence: 1 });
    const silent_since = new Date(Date.now() - 2 * STALE_AFTER_MS);
    await app.dataSource.query('UPDATE listener_instances SET last_heartbeat_at = $2 WHERE product_id = $1', [
      product_id,
      silent_since,
    ]);
    await app.features.statusReports.sweepStale();
    await app.features.statusReports.sweepStale();
    const { body } = await viewer('get', `${base}/events?type=heartbeat_lost`).expect(200);
    expect(body.items).toMatchObject([{ at: silent_since.toISOString() }]);
    await report({ sequence: 2 });
    expect((await types()).filter((type) => type === 'online')).toHaveLength(2);
  });

  describe('of time in which no orchestrator ran', () => {
    const CONNECTED_AT = new Date(Date.now() - 10 * 3600_000).toISOString();
    const HOUR_MS = 3600_000;
    /** Online for two hours, and for the last one of them nothing was heard. */
    const beforeTheRestart = async (): Promise<void> => {
      await report({ sequence: 1, connected_at: CONNECTED_AT });
      const { dataSource } = app;
      await dataSource.query('UPDATE connection_events SET at = $2 WHERE product_id = $1', [
        product_id,
        new Date(Date.now() - 2 * HOUR_MS),
      ]);
      await dataSource.query('UPDATE listener_instances SET last_heartbeat_at = $2 WHERE product_id = $1', [
        product_id,
        new Date(Date.now() - HOUR_MS),
      ]);
    };
    const day = async (): Promise<{ connected_s: number; disconnected_s: number; uptime: number }> => {
      const { body } = await viewer('get', `${base}/uptime`).expect(200);
      return body.windows[0];
    };

    it('counts it as connected when the same connection is there still', async () => {
      await beforeTheRestart();
      await report({ sequence: 2, connected_at: CONNECTED_AT });
      expect(await types()).toEqual(['online']);
      expect((await day()).uptime).toBe(1);
    });

    it.each<[string, Partial<StatusReport>]>([
      ['another connection', { sequence: 2, connected_at: new Date().toISOString() }],
      [
        'another process',
        { boot_id: 'next', sequence: 1, started_at: '2030-01-01T01:00:00.000Z', connected_at: CONNECTED_AT },
      ],
      ['none', { sequence: 2, state: 'disconnected', connected_at: CONNECTED_AT }],
    ])('counts it as disconnected from the last heartbeat on when there is %s', async (_what, next) => {
      await beforeTheRestart();
      await report(next);
      expect((await types()).slice(-2)).toEqual(['heartbeat_lost', 'online']);
      const { connected_s, disconnected_s } = await day();
      expect(connected_s).toBeCloseTo(3_600, -2);
      expect(disconnected_s).toBeCloseTo(3_600, -2);
    });
  });

  it('gives the uptime of three windows, right across their starts', async () => {
    const hours_ago = (hours: number): Date => new Date(Date.now() - hours * 3600_000);
    await store(hours_ago(24 * 20), 'online');
    await store(hours_ago(12), 'offline');
    const { body } = await viewer('get', `${base}/uptime`).expect(200);
    expect(body.windows.map((window: { window: string }) => window.window)).toEqual(['24h', '7d', '30d']);
    const [day, week, month] = body.windows;
    expect(day.uptime).toBeCloseTo(0.5, 3);
    expect(week.uptime).toBeCloseTo(1 - 0.5 / 7, 3);
    expect(month.uptime).toBeCloseTo(1 - 0.5 / 20, 3);
    expect(month.unknown_s).toBeCloseTo(10 * 86_400, -2);
    expect(day.interruptions).toBe(1);
  });

  it('is bounded by age and by number, and keeps how the longest window begins', async () => {
    const minutes_ago = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
    await store(minutes_ago(300), 'online');
    await store(minutes_ago(250), 'offline');
    await store(minutes_ago(200), 'online');
    await store(minutes_ago(190), 'connected');
    for (const minutes of [50, 40, 30, 20]) await store(minutes_ago(minutes), 'config_applied');
    const history = (events_per_product: number) =>
      new ConnectionHistoryService({
        dataSource: app.dataSource,
        limits: { age_ms: 100 * 60_000, events_per_product },
      });
    await history(100).prune();
    expect(await types()).toEqual([...Array<string>(4).fill('config_applied'), 'online']);
    await history(2).prune();
    expect(await types()).toEqual(['config_applied', 'config_applied', 'online']);
  });

  describe('as a stream', () => {
    let server: Server;
    let url: string;

    beforeAll(async () => {
      await app.features.fleet.start();
      app.features.statusStream.start();
      server = createServer(app.app);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));

    const follow = async (headers: Record<string, string> = {}) => {
      let text = '';
      const request = get(`${url}${base}/events/stream`, {
        headers: { Authorization: `Bearer ${viewer.token}`, ...headers },
      });
      request.on('error', () => {});
      request.on('response', (response) => response.on('data', (chunk: Buffer) => (text += chunk.toString())));
      await waitFor(() => text.includes('retry:'));
      return {
        types: () => [...text.matchAll(/"type":"(\w+)"/g)].map((match) => match[1]),
        ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])),
        close: () => request.destroy(),
      };
    };

    it('tells new events as they come, and after a break those that were missed', async () => {
      await report({
        sequence: 1,
        state: 'starting',
        delta: { sequence: 1, subscriptions: [], events: [event('connected', 1)] },
      });
      const first = await follow();
      await report({
        sequence: 2,
        state: 'starting',
        delta: { sequence: 2, subscriptions: [], events: [event('failover', 2)] },
      });
      await waitFor(() => first.types().length > 0);
      expect(first.types()).toEqual(['failover']);
      first.close();
      await report({
        sequence: 3,
        state: 'starting',
        delta: { sequence: 3, subscriptions: [], events: [event('failback', 3)] },
      });
      const second = await follow({ 'Last-Event-ID': String(first.ids()[0]) });
      await waitFor(() => second.types().length > 0);
      expect(second.types()).toEqual(['failback']);
      second.close();
    });
  });
});
