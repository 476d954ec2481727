import { buildStatusReport } from '@cortex-mqtt/testing';
import type { StatusReport } from '@cortex-mqtt/contracts';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { StatusReportService } from './status-report.service';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';

describe('the turns of a product’s listeners', () => {
  let app: TestApp;
  let product_id: number;
  let service: StatusReportService;
  let sequence = 0;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    service = new StatusReportService({
      dataSource: app.dataSource,
      stale_after_ms: 15_000,
      lease: { ttl_ms: 60_000 },
    });
  });
  afterAll(() => app.close());

  const report = (instance_id: string, overrides: Partial<StatusReport> = {}) => {
    sequence += 1;
    return service.ingest(
      product_id,
      buildStatusReport({ instance_id, boot_id: `boot-${instance_id}`, sequence, ...overrides }),
    );
  };

  it('make the first one active, and keep it so while it reports', async () => {
    expect(await report('a')).toMatchObject({ role: 'active', term: 1, active_instance_id: null, heartbeat_ms: 7_500 });
    expect(await report('b')).toMatchObject({ role: 'standby', active_instance_id: 'a', heartbeat_ms: 2_000 });
    expect(await report('a')).toMatchObject({ role: 'active', term: 1, heartbeat_ms: 2_000 });
  });

  it('pass to another at once when the active one stops', async () => {
    await report('a');
    await report('b');
    await report('a', { state: 'stopped' });
    expect(await report('b')).toMatchObject({ role: 'active', term: 2 });
    expect(await report('a')).toMatchObject({ role: 'standby', active_instance_id: 'b' });
  });

  it('pass to another when the active one falls silent', async () => {
    await report('a');
    expect((await report('b')).role).toBe('standby');
    // As if that were long ago.
    await app.dataSource.query(
      'UPDATE product_leases SET expires_at = expires_at - make_interval(secs => 61) WHERE product_id = $1',
      [product_id],
    );
    expect(await report('b')).toMatchObject({ role: 'active', term: 2 });
    expect(await report('a')).toMatchObject({ role: 'standby', active_instance_id: 'b' });
  });

  it('stay with an instance that restarts, and not with its older process', async () => {
    await report('a', { boot_id: 'old', started_at: '2030-01-01T00:00:00.000Z' });
    expect(await report('a', { boot_id: 'new', started_at: '2030-01-01T00:01:00.000Z' })).toMatchObject({
      role: 'active',
      term: 1,
    });
    expect(await report('a', { boot_id: 'old', started_at: '2030-01-01T00:00:00.000Z' })).toMatchObject({
      role: 'standby',
    });
    // Nor does its last report give away what the newer one has.
    await report('a', { boot_id: 'old', started_at: '2030-01-01T00:00:00.000Z', state: 'stopped' });
    expect((await report('b')).role).toBe('standby');
  });

  it('ask for heartbeats that fit into the lease and into the time after which an instance is stale', async () => {
    service = new StatusReportService({ dataSource: app.dataSource, stale_after_ms: 15_000 });
    expect((await report('a')).heartbeat_ms).toBe(4_000);
    expect((await report('b')).heartbeat_ms).toBe(2_000);
    service = new StatusReportService({ dataSource: app.dataSource, stale_after_ms: 5_000 });
    const { id } = await app.product();
    product_id = id;
    expect((await report('alone')).heartbeat_ms).toBe(2_500);
  });

  describe('of one that is without a connection for long', () => {
    const unconnected = (is_refused = false): Partial<StatusReport> => ({
      state: 'disconnected',
      recovery: { attempt: 3, next_try_at: null, is_refused },
    });
    beforeEach(() => {
      service = new StatusReportService({
        dataSource: app.dataSource,
        stale_after_ms: 15_000,
        lease: { ttl_ms: 60_000, pass_on_after_ms: 0 },
      });
    });

    it('pass to the next that waits, round and round, and the history has it', async () => {
      await report('a');
      for (const waiting of ['b', 'c']) await report(waiting, { state: 'standby' });
      expect(await report('a', unconnected())).toMatchObject({ role: 'standby', term: 2, active_instance_id: 'b' });
      expect(await report('b')).toMatchObject({ role: 'active', term: 2 });
      await report('a', { state: 'standby' });
      expect(await report('b', unconnected())).toMatchObject({ active_instance_id: 'c', term: 3 });
      expect(await report('c', unconnected())).toMatchObject({ active_instance_id: 'a', term: 4 });
      const events = await app.dataSource.query(
        `SELECT detail FROM connection_events WHERE product_id = $1 AND type = 'turn_passed_on' ORDER BY id`,
        [product_id],
      );
      expect(events.map(({ detail }: { detail: object }) => detail)).toEqual([
        { from: 'a', to: 'b' },
        { from: 'b', to: 'c' },
        { from: 'c', to: 'a' },
      ]);
    });

    it('stay when nobody waits, when the broker refuses, and while failover still has brokers to try', async () => {
      await report('a');
      expect(await report('a', unconnected())).toMatchObject({ role: 'active', term: 1 });
      await report('b', { state: 'standby' });
      expect(await report('a', unconnected(true))).toMatchObject({ role: 'active', term: 1 });
      await app.dataSource.query(
        `INSERT INTO mqtt_brokers (product_id, name, position, broker_host) VALUES ($1, 'second', 1, 'b.example.com')`,
        [product_id],
      );
      await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { failover_after_s: 60 });
      expect(await report('a', unconnected())).toMatchObject({ role: 'active', term: 1 });
      // Subscribed on all, there is none left to try.
      await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { subscribe_on: 'all' });
      expect(await report('a', unconnected())).toMatchObject({ role: 'standby', active_instance_id: 'b' });
    });

    it('count from the last time it was connected', async () => {
      service = new StatusReportService({
        dataSource: app.dataSource,
        stale_after_ms: 15_000,
        lease: { ttl_ms: 60_000, pass_on_after_ms: 60_000 },
      });
      await report('a');
      await report('b', { state: 'standby' });
      const rewind = () =>
        app.dataSource.query(`UPDATE product_leases SET connected_at = now() - interval '61 s' WHERE product_id = $1`, [
          product_id,
        ]);
      await rewind();
      expect(await report('a')).toMatchObject({ role: 'active', term: 1 });
      expect(await report('a', unconnected())).toMatchObject({ role: 'active', term: 1 });
      await rewind();
      expect(await report('a', unconnected())).toMatchObject({ role: 'standby', active_instance_id: 'b' });
    });
  });

  it('are granted to one of many that ask at once', async () => {
    const replies = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((instance) => report(instance)));
    expect(replies.filter(({ role }) => role === 'active')).toHaveLength(1);
  });

  it('are not taken where the load is shared, except by instances that would have one client id', async () => {
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { use_shared_subscriptions: true });
    expect(await report('a')).toMatchObject({ role: 'active', term: 0, heartbeat_ms: 7_500 });
    expect(await report('b')).toMatchObject({ role: 'active', term: 0 });
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { client_id: 'orders' });
    expect(await report('a')).toMatchObject({ role: 'active', term: 1 });
    expect(await report('b')).toMatchObject({ role: 'standby' });
  });

  it('let instances leave a shared group, but not the last one', async () => {
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { use_shared_subscriptions: true });
    await report('a');
    expect((await report('a', { is_leaving: true })).may_leave).toBe(false);
    await report('b');
    await report('c');
    const replies = await Promise.all(['a', 'b', 'c'].map((instance) => report(instance, { is_leaving: true })));
    expect(replies.map(({ may_leave }) => may_leave).sort()).toEqual([false, true, true]);
  });
});
