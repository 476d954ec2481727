import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type TestApp } from '../testing/build-test-app';

describe('the queue cleaner', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await buildTestApp();
  });
  afterAll(() => app.close());

  it('removes queues whose instance or product is gone, at the second look, and no other', async () => {
    const { id } = await app.product();
    await app.features.statusReports.ingest(id, buildStatusReport({ instance_id: 'here' }));
    const kept = [`control-${id}-here`, `deliveries-${id}`, 'connection-tests', 'control-panel'];
    const gone = [`control-${id}-gone`, 'control-99999-here', 'deliveries-99999'];
    for (const name of [...kept, ...gone]) await app.queues.queue<{ name: 'x'; data: object }>(name).add('x', {});
    expect(await app.features.queueCleaner.clean()).toEqual([]);
    const removed = await app.features.queueCleaner.clean();
    expect(removed.sort()).toEqual([...gone].sort());
    expect(await app.queues.listQueueNames()).toEqual(expect.arrayContaining(kept));
    expect((await app.queues.listQueueNames()).filter((name) => gone.includes(name))).toEqual([]);
  });
});
