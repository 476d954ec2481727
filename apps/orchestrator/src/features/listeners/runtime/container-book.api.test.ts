import { buildTestApp, type TestApp } from '../../../testing/build-test-app';
import { ContainerBook, type SeenContainer } from './container-book';

const buildSeen = (overrides: Partial<SeenContainer> = {}): SeenContainer => ({
  name: 'cortex-default-listener-1',
  instance_id: 'orders-1',
  runtime: 'docker',
  image: 'cortex-mqtt/listener',
  state: 'running',
  reason: null,
  exit_code: null,
  restarts: 0,
  last_lines: ['a line with a payload'],
  ...overrides,
});

describe('the containers of a product', () => {
  let app: TestApp;
  let now = new Date('2030-01-01T00:00:00Z');

  beforeAll(async () => {
    app = await buildTestApp();
  });
  afterAll(() => app.close());

  it('are in its status, with the lines only for those who may read payloads', async () => {
    const { id } = await app.product({ replicas: 2 });
    const viewer = await app.client('viewer', [id], { may_read_payloads: false });
    const book = new ContainerBook({ dataSource: app.dataSource, now: () => now });
    const read = async () => (await viewer('get', `/api/v1/products/${id}/mqtt-config/status`).expect(200)).body;
    expect((await read()).containers).toEqual([]);
    await book.write(new Map([[id, [buildSeen()]]]));
    const { last_lines: _, ...shown } = buildSeen();
    expect((await read()).containers).toEqual([{ ...shown, since: '2030-01-01T00:00:00.000Z' }]);

    now = new Date('2030-01-01T00:01:00Z');
    await book.write(new Map([[id, [buildSeen({ restarts: 1 })]]]));
    expect((await read()).containers[0]).toMatchObject({ restarts: 1, since: '2030-01-01T00:00:00.000Z' });
    const ended = buildSeen({ state: 'out_of_memory', reason: 'out of memory', exit_code: 137 });
    await book.write(new Map([[id, [ended]]]));
    expect((await read()).containers[0]).toMatchObject({ exit_code: 137, since: '2030-01-01T00:01:00.000Z' });

    const lines = `/api/v1/products/${id}/listener-containers`;
    await viewer('get', lines).expect(403);
    const operator = await app.client('operator', [id]);
    expect((await operator('get', lines).expect(200)).body.items[0].last_lines).toEqual(['a line with a payload']);
  });

  it('are not shown when no runtime looks any more, and forgotten when it keeps none', async () => {
    const { id } = await app.product();
    const admin = await app.client('admin');
    const path = `/api/v1/products/${id}/listener-containers`;
    const book = new ContainerBook({ dataSource: app.dataSource });
    await book.write(new Map([[id, [buildSeen()]]]));
    expect((await admin('get', path).expect(200)).body.items).toHaveLength(1);
    await app.dataSource.query(`UPDATE listener_containers SET seen_at = now() - interval '3 minutes'`);
    expect((await admin('get', path).expect(200)).body.items).toEqual([]);
    await book.write(new Map());
    expect(await app.dataSource.query('SELECT 1 FROM listener_containers')).toEqual([]);
    await admin('get', '/api/v1/products/999999/listener-containers').expect(404);
  });

  it('are as many as a product says, from 1 to 50', async () => {
    const admin = await app.client('admin');
    const { id } = await app.product();
    expect((await admin('get', `/api/v1/products/${id}`).expect(200)).body.replicas).toBe(1);
    const change = (replicas: unknown) => admin('patch', `/api/v1/products/${id}`).send({ replicas });
    expect((await change(3).expect(200)).body.replicas).toBe(3);
    for (const bad of [0, 51, 1.5, '2']) await change(bad).expect(400);
    const { body } = await admin('get', '/api/v1/config/export').expect(200);
    expect(body.documents.find(({ replicas }: { replicas?: number }) => replicas === 3)).toBeDefined();
  });
});
