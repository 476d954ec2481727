import { buildCounters, buildStatusReport } from '@cortex-mqtt/testing';
import type { ConnectionEvent, StatusReport } from '@cortex-mqtt/contracts';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import type { ConnectionStatusView } from './connection-status.view';

describe('the status of a connection', () => {
  let app: TestApp;
  let admin: Client;
  let product_id: number;
  let base: string;
  let sequence = 0;

  beforeAll(async () => {
    app = await buildTestApp();
    admin = await app.client('admin');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    base = `/api/v1/products/${product_id}/mqtt-config`;
  });
  afterAll(() => app.close());

  const report = (overrides: Partial<StatusReport>) => {
    sequence += 1;
    return app.features.statusReports.ingest(product_id, buildStatusReport({ sequence, ...overrides }));
  };
  const status = async (): Promise<ConnectionStatusView> => (await admin('get', `${base}/status`).expect(200)).body;

  it('tells what is wanted, and why it is not in force', async () => {
    expect((await status()).desired).toMatchObject({ enabled: true, revision: 1, reason: 'No broker is configured.' });
    await admin('put', base)
      .send({ broker: { host: 'a.example.com' } })
      .expect(200);
    expect((await status()).desired).toMatchObject({ revision: 2, reason: null });
    await report({ rejected_revision: { revision: 2, reason: 'a filter is wrong' } });
    expect((await status()).desired.reason).toBe('"one" cannot apply revision 2: a filter is wrong');
    await admin('patch', `/api/v1/products/${product_id}`).send({ enabled: false }).expect(200);
    expect((await status()).desired).toMatchObject({ enabled: false, reason: 'The product is disabled.' });
  });

  it('tells of each instance what it is and what it lacks, and counts those that wait', async () => {
    const state_since = '2030-01-01T00:00:00.000Z';
    await report({
      instance_id: 'one',
      state: 'degraded',
      state_since,
      reason: 'The broker refuses 1 of 3 topic filters.',
      subscribed: { wanted: 3, granted: 2 },
      topic_filters: [
        {
          topic_filter: 'secret',
          subscription_ids: [1],
          requested_qos: 1,
          granted_qos: null,
          refused: 'not authorised',
        },
        { topic_filter: 'low', subscription_ids: [2], requested_qos: 2, granted_qos: 0, refused: null },
      ],
    });
    await report({ instance_id: 'two', state: 'standby', reason: 'The instance "one" is active.' });
    const { live, instances } = await status();
    expect(live).toEqual({
      state: 'degraded',
      since: state_since,
      reason: 'The broker refuses 1 of 3 topic filters.',
      connected_instances: 1,
      standby_instances: 1,
      live_instances: 2,
    });
    expect(instances[0]).toMatchObject({
      since: state_since,
      broker: 'primary',
      subscribed: {
        wanted: 3,
        granted: 2,
        refused: [{ topic_filter: 'secret', reason: 'not authorised' }],
        lowered_qos: [{ topic_filter: 'low', requested_qos: 2, granted_qos: 0 }],
      },
    });
    expect(instances[1]).toMatchObject({ state: 'standby', reason: 'The instance "one" is active.' });
  });

  it('tells how the way back to the broker goes', async () => {
    expect((await status()).recovery).toBeNull();
    await report({
      state: 'disconnected',
      reason: 'Connection refused.',
      disconnected_at: '2030-01-01T00:00:00.000Z',
      recovery: { attempt: 3, next_try_at: '2030-01-01T00:00:07.000Z' },
    });
    expect((await status()).recovery).toEqual({
      instance_id: 'one',
      attempt: 3,
      next_try_at: '2030-01-01T00:00:07.000Z',
      since: '2030-01-01T00:00:00.000Z',
      reason: 'Connection refused.',
      gives_up: 'never',
    });
  });

  it('has counters that reconcile over all instances, and the ages of what waits', async () => {
    const counters = buildCounters({
      messages_received: 10,
      messages_matched: 8,
      messages_unmatched: 2,
      deliveries_started: 9,
      deliveries_taken: 2,
      deliveries_succeeded: 6,
      deliveries_failed: 1,
      deliveries_queued: 2,
      deliveries_dead: 1,
    });
    await report({ instance_id: 'one', counters, in_flight: 1, oldest_unacknowledged_ms: 40, queue_depth: 3 });
    await report({ instance_id: 'two', counters, in_flight: 1, queue_depth: 2, oldest_queued_ms: 900 });
    const { flow } = await status();
    expect(flow).toMatchObject({ acknowledgement_age_ms: 40, queue_depth: 3, oldest_queued_ms: 900 });
    const { messages_received, matched, unmatched, deliveries, succeeded, failed, in_flight, queued, dead } =
      flow.counters;
    expect(messages_received).toBe(20);
    expect(matched + unmatched).toBe(messages_received);
    // Both that were taken from the queue are two of those that began here.
    expect(deliveries).toBe(18);
    expect(succeeded + failed + in_flight + queued + dead).toBe(deliveries);
  });

  it('has the probe that is worst off, and the warnings of every instance with those of the clock', async () => {
    const probe: StatusReport['probe'] = {
      topic: 'probe/one',
      interval_s: 10,
      state: 'ok',
      since: new Date().toISOString(),
      reason: null,
      last_sent_at: new Date().toISOString(),
      last_received_at: new Date().toISOString(),
      round_trip_ms: 3,
    };
    await report({ instance_id: 'one', probe, warnings: [{ code: 'CLEAN_SESSION', message: 'not kept' }] });
    expect((await status()).probe).toMatchObject({ state: 'ok', instance_id: 'one', age_ms: expect.any(Number) });
    await report({
      instance_id: 'two',
      probe: { ...probe, topic: 'probe/two', state: 'lost', reason: 'gone', last_received_at: null },
      reported_at: new Date(Date.now() - 600_000).toISOString(),
    });
    const { probe: worst, warnings } = await status();
    expect(worst).toMatchObject({ state: 'lost', instance_id: 'two', reason: 'gone', age_ms: null });
    expect(warnings.map(({ code, instance_id }) => [code, instance_id])).toEqual([
      ['CLEAN_SESSION', 'one'],
      ['CLOCK_SKEW', 'two'],
    ]);
  });

  it('audits what changed at the broker without anybody asking for it, once', async () => {
    const event = (type: ConnectionEvent['type'], detail: Record<string, unknown>): ConnectionEvent => ({
      at: '2030-01-01T00:00:00.000Z',
      type,
      broker: 'standby',
      detail,
    });
    const delta = {
      sequence: 1,
      subscriptions: [],
      events: [
        event('connected', {}),
        event('failover', { from: 'primary', to: 'standby' }),
        event('session_lost', { client_id: 'c' }),
        event('qos_downgraded', { filter: 'a', requested_qos: 2, granted_qos: 1 }),
      ],
    };
    await report({ delta });
    await report({ delta });
    const { body } = await admin('get', `/api/v1/products/${product_id}/audit-logs`).expect(200);
    const rows = (body.items as { action: string; actor: unknown; before: unknown; after: unknown }[]).filter(
      ({ action }) => action.startsWith('connection.'),
    );
    expect(rows.map(({ action }) => action).sort()).toEqual([
      'connection.failover',
      'connection.qos_downgraded',
      'connection.session_lost',
    ]);
    expect(rows.find(({ action }) => action === 'connection.failover')).toMatchObject({
      before: { broker: 'primary' },
      after: { broker: 'standby' },
    });
  });
});
