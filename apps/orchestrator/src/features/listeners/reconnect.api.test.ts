import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

describe('reconnecting the listeners of a product', () => {
  let app: TestApp;
  let admin: Client;
  let product_id: number;
  const base = () => `/api/v1/products/${product_id}/mqtt-config`;
  const report = (overrides: Parameters<typeof buildStatusReport>[0]) =>
    app.features.statusReports.ingest(product_id, buildStatusReport(overrides));

  beforeAll(async () => {
    app = await buildTestApp({ stale_after_ms: 60_000 });
    admin = await app.client('admin');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
  });
  afterAll(() => app.close());

  it('is done at once when no listener is live', async () => {
    const { body } = await admin('post', `${base()}/reconnect`).expect(202);
    expect(body).toMatchObject({ state: 'done', generation: 1, instances: [] });
  });

  it('raises the revision, so that a listener whose job is lost does it at its next poll', async () => {
    const before = (await admin('get', base())).body.revision;
    await admin('post', `${base()}/reconnect`).expect(202);
    const listener = await app.listener(product_id);
    const { body } = await listener('get', '/internal/v1/mqtt-config').expect(200);
    expect(body).toMatchObject({ reconnect_generation: 1, revision: before + 1 });
  });

  it('tells the outcome of each instance', async () => {
    for (const instance_id of ['one', 'two', 'three']) await report({ instance_id, sequence: 1 });
    const { body, headers } = await admin('post', `${base()}/reconnect`).expect(202);
    expect(body.instances.map((instance: { outcome: string }) => instance.outcome)).toEqual([
      'pending',
      'pending',
      'pending',
    ]);
    await report({ instance_id: 'one', sequence: 2, applied_reconnect_generation: 1 });
    await report({
      instance_id: 'two',
      sequence: 2,
      applied_reconnect_generation: 1,
      state: 'disconnected',
      reason: 'The broker refuses the password.',
    });
    await report({ instance_id: 'three', sequence: 2, state: 'stopped' });
    const { body: outcome } = await admin('get', headers.location as string).expect(200);
    expect(outcome.state).toBe('done');
    expect(
      Object.fromEntries(
        outcome.instances.map((i: { instance_id: string; outcome: string }) => [i.instance_id, i.outcome]),
      ),
    ).toEqual({ one: 'reconnected', two: 'failed', three: 'gone' });
    expect(outcome.instances).toContainEqual(expect.objectContaining({ reason: 'The broker refuses the password.' }));
  });

  it('knows no reconnect of another product', async () => {
    const { body } = await admin('post', `${base()}/reconnect`).expect(202);
    const other = await app.product();
    await admin('get', `/api/v1/products/${other.id}/mqtt-config/reconnect/${body.id}`).expect(404);
  });
});
