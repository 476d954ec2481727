import type { BrokerReport, StatusReport } from '@cortex-mqtt/contracts';
import { buildStatusReport, waitFor } from '@cortex-mqtt/testing';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { StatusReportService } from './status-report.service';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { Hearing } from '../replicas/hearing';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';

describe('sessions of members that are gone', () => {
  let app: TestApp;
  let product_id: number;
  let sequence = 0;
  let hearing: Hearing;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  beforeEach(async () => {
    hearing = new Hearing(15_000);
    ({ id: product_id } = await app.product());
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { use_shared_subscriptions: true });
    for (let ago_s = 90; ago_s > 0; ago_s -= 10) hearing.heard(product_id, Date.now() - ago_s * 1_000);
  });
  afterAll(() => app.close());

  const report = (instance_id: string, overrides: Partial<StatusReport> = {}, adopt_after_ms = 60_000) => {
    sequence += 1;
    const service = new StatusReportService({
      dataSource: app.dataSource,
      stale_after_ms: 15_000,
      adopt_after_ms,
      hearing,
    });
    const base = buildStatusReport({ instance_id, boot_id: `boot-${instance_id}`, sequence, state: 'connected' });
    const broker = {
      ...base,
      name: 'primary',
      host: 'broker.example',
      port: 1883,
      client_id: `client-${instance_id}`,
      session: { expiry_s: 3_600 },
    } as unknown as BrokerReport;
    return service.ingest(product_id, { ...base, brokers: [broker], ...overrides });
  };

  const silence = (instance_id: string, seconds: number) =>
    app.dataSource.manager.update(
      ListenerInstanceEntity,
      { product_id, instance_id },
      { last_heartbeat_at: new Date(Date.now() - seconds * 1_000) },
    );

  const ORPHAN = {
    instance_id: 'gone',
    sessions: [{ host: 'broker.example', port: 1883, client_id: 'client-gone' }],
  };

  it('are offered to the first of those that are connected, once they have been silent for long', async () => {
    await report('gone');
    await report('a');
    await report('b');
    await silence('gone', 50);
    expect((await report('a')).orphans).toEqual([]);
    await silence('gone', 70);
    expect((await report('b')).orphans).toEqual([]);
    expect((await report('a')).orphans).toEqual([ORPHAN]);
    expect((await report('a', {}, 0)).orphans).toEqual([]);
    await report('a', { state: 'disconnected' });
    expect((await report('b')).orphans).toEqual([ORPHAN]);
  });

  it('are not told of while the orchestrator itself has heard nobody for that long', async () => {
    await report('gone');
    await report('a');
    await silence('gone', 70);
    expect((await report('a')).orphans).toEqual([ORPHAN]);
    // As after a restart: the first that reports finds all others silent.
    hearing = new Hearing(15_000);
    expect((await report('a')).orphans).toEqual([]);
  });

  it('are found behind any number of instances that have left none', async () => {
    await report('a');
    for (let n = 10; n < 32; n += 1) {
      await report(`bare-${n}`, { brokers: [] });
      await silence(`bare-${n}`, 70);
    }
    await report('gone');
    await silence('gone', 70);
    expect((await report('a')).orphans).toEqual([ORPHAN]);
  });

  it('are not those of one that stopped, came back, or takes turns', async () => {
    await report('gone');
    await report('a');
    await silence('gone', 70);
    await report('gone');
    expect((await report('a')).orphans).toEqual([]);
    await report('gone', { state: 'stopped' });
    await silence('gone', 70);
    expect((await report('a')).orphans).toEqual([]);
    await app.dataSource.manager.update(MqttConfigEntity, { product_id }, { use_shared_subscriptions: false });
    await report('alone');
    await silence('alone', 70);
    expect((await report('a')).orphans).toEqual([]);
  });

  it('are closed when they are empty, but not when their owner has come back', async () => {
    const emptied = (delta: number) => ({
      delta: {
        sequence: delta,
        subscriptions: [],
        events: [
          { at: new Date().toISOString(), type: 'session_adopted' as const, broker: null, detail: { from: 'gone' } },
        ],
      },
    });
    const isStopped = async () =>
      (await app.dataSource.manager.findOneByOrFail(ListenerInstanceEntity, { product_id, instance_id: 'gone' }))
        .stopped_at !== null;
    await report('gone');
    await report('a', emptied(1));
    expect(await isStopped()).toBe(false);
    await silence('gone', 70);
    await report('a', emptied(2));
    await waitFor(isStopped);
    expect((await report('a')).orphans).toEqual([]);
  });
});
