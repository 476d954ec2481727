import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';

describe('a listener that is newer than the orchestrator', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  it('is seen, with what it says in words that are not known yet', async () => {
    const { id } = await test.product();
    const listener = await test.listener(id);
    const admin = await test.client('admin');
    const report = buildStatusReport({});
    const events = [
      { at: new Date().toISOString(), type: 'session_moved', broker: null, detail: { to: 'b' }, cost: 1 },
    ];
    await listener('post', '/internal/mqtt-status')
      .send({
        ...report,
        state: 'draining',
        reason: 'moving',
        shape_of_things_to_come: { a: 1 },
        delta: { ...report.delta, sequence: report.delta.sequence + 1, events, pace: 3 },
      })
      .expect(200);
    const { body: status } = await admin('get', `/api/v1/products/${id}/mqtt-config/status`).expect(200);
    expect(status.instances).toMatchObject([
      {
        state: 'degraded',
        reason: expect.stringMatching(/does not know: "draining"\. moving/),
        reason_code: 'NEWER_LISTENER',
      },
    ]);
    const { body: history } = await admin('get', `/api/v1/products/${id}/mqtt-config/events?type=other`).expect(200);
    expect(history.items).toMatchObject([{ type: 'other', detail: { type: 'session_moved', to: 'b' } }]);
  });

  it('is still refused when what is known is wrong', async () => {
    const listener = await test.listener((await test.product()).id);
    await listener('post', '/internal/mqtt-status')
      .send({ ...buildStatusReport({}), instance_id: '' })
      .expect(400);
  });
});
