import type { StatusReport } from '@cortex-mqtt/contracts';
import { waitFor } from '@cortex-mqtt/testing';
import { buildStatusReport } from '../../testing/build-status-report';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { ConnectionStatusService } from '../connection-status/connection-status.service';
import { MqttConfigEntity } from '../mqtt-config/mqtt-config.entity';

describe('the turns of a product’s listeners', () => {
  let app: TestApp;
  let product_id: number;
  let service: ConnectionStatusService;
  let sequence = 0;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    service = new ConnectionStatusService({
      dataSource: app.dataSource,
      stale_after_ms: 15_000,
      lease_ttl_ms: 60_000,
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
    expect(await report('a')).toMatchObject({ role: 'active', term: 1, active_instance_id: null, heartbeat_ms: null });
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
    service = new ConnectionStatusService({ dataSource: app.dataSource, stale_after_ms: 15_000, lease_ttl_ms: 200 });
    await report('a');
    expect((await report('b')).role).toBe('standby');
    await waitFor(async () => (await report('b')).role === 'active');
    expect(await report('b')).toMatchObject({ role: 'active', term: 2 });
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

  it('are granted to one of many that ask at once', async () => {
    const replies = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((instance) => report(instance)));
    expect(replies.filter(({ role }) => role === 'active')).toHaveLength(1);
  });

  it('are not taken where the load is shared, except by instances that would have one client id', async () => {
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { use_shared_subscriptions: true });
    expect(await report('a')).toMatchObject({ role: 'active', term: 0, heartbeat_ms: null });
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
