import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';

describe('scaling', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  afterAll(() => app.close());

  it('counts what is due and under way, and asks for more listeners of a shared group only', async () => {
    const { id } = await app.product({ replicas: 2 });
    const admin = await app.client('admin');
    const read = async () => (await admin('get', `/api/v1/products/${id}/scaling`).expect(200)).body;
    expect(await read()).toEqual({ backlog: 0, acknowledgement_age_ms: null, wanted_replicas: 2 });
    const listener = await app.listener(id);
    const report = { sequence: 1, in_flight: 40, oldest_unacknowledged_ms: 9_000 };
    await listener('post', '/internal/mqtt-status').send(buildStatusReport(report)).expect(200);
    const queue = app.queues.queue<{ name: 'deliver'; data: object }>(`deliveries-${id}`);
    await queue.add('deliver', {});
    await queue.add('deliver', {}, { delay_ms: 600_000 });
    expect(await read()).toEqual({ backlog: 41, acknowledgement_age_ms: 9_000, wanted_replicas: 2 });
    await admin('put', `/api/v1/products/${id}/mqtt-config`)
      .send({ topics: { use_shared: true } })
      .expect(200);
    await admin('patch', `/api/v1/products/${id}`).send({ replicas: 1 }).expect(200);
    expect((await read()).wanted_replicas).toBe(2);
  });

  it('wants no listener of a product that is off and has no session at a broker', async () => {
    const { id } = await app.product({ enabled: false });
    const admin = await app.client('admin');
    expect((await admin('get', `/api/v1/products/${id}/scaling`).expect(200)).body.wanted_replicas).toBe(0);
    await admin('get', '/api/v1/products/999999/scaling').expect(404);
  });
});
