import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const WEBHOOK = { type: 'webhook', url: 'https://example.com/hook' };

describe('many subscriptions in one request', () => {
  let test: TestApp;
  let operator: Client;
  let path: string;
  let product_id: number;

  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    const product = await test.product();
    product_id = product.id;
    operator = await test.client('operator', [product.id]);
    await operator('put', `/api/v1/products/${product_id}/mqtt-config`)
      .send({ broker: { host: 'b.example.com', protocol_version: 4 } })
      .expect(200);
    path = `/api/v1/products/${product_id}/mqtt-config/subscriptions`;
  });

  const bulk = (body: object) => operator('post', `${path}/bulk`).send(body);
  const named = (index: number) => ({ name: `s${index}`, topic: `plant/${index}/#`, actions: [WEBHOOK] });
  const many = (count: number) => Array.from({ length: count }, (_, index) => named(index));
  const list = async () => (await operator('get', `${path}?page_size=500`).expect(200)).body;
  const revision = async () =>
    (await operator('get', `/api/v1/products/${product_id}/mqtt-config?subscriptions=none`).expect(200)).body.revision;

  it('are created, changed and deleted together: one revision, an audit row each', async () => {
    const { body: first } = await bulk({ create: many(1_000) }).expect(200);
    expect(first.created).toHaveLength(1_000);
    expect(first.created[7]).toMatchObject({
      name: 's7',
      topic_filter: 'plant/7/#',
      enabled: true,
      actions: [WEBHOOK],
    });
    const before = await revision();
    const ids: number[] = first.created.map(({ id }: { id: number }) => id);

    const { body, headers } = await bulk({
      delete: ids.slice(0, 2),
      update: ids.slice(2, 5).map((id) => ({ id, enabled: false })),
      create: [{ ...named(0), description: 'under a name that has become free' }],
    }).expect(200);
    expect(body).toMatchObject({ deleted: ids.slice(0, 2), created: [{ name: 's0' }] });
    expect(body.updated.map(({ id, enabled }: { id: number; enabled: boolean }) => [id, enabled])).toEqual(
      ids.slice(2, 5).map((id) => [id, false]),
    );
    expect(await revision()).toBe(before + 1);
    expect(headers.etag).toMatch(new RegExp(`^"${before + 1}-`));
    expect((await list()).total).toBe(999);
    const { body: log } = await operator('get', `/api/v1/products/${product_id}/audit-logs?page_size=6`).expect(200);
    expect(log.items.map(({ action }: { action: string }) => action).sort()).toEqual([
      'mqtt_subscription.create',
      ...['mqtt_subscription.delete', 'mqtt_subscription.delete'],
      ...['mqtt_subscription.update', 'mqtt_subscription.update', 'mqtt_subscription.update'],
    ]);
    const again = { update: ids.slice(2, 5).map((id) => ({ id, enabled: false })) };
    await bulk(again).expect(200);
    expect(await revision()).toBe(before + 1);
  });

  it('are all refused when one is wrong, and each fault names its item', async () => {
    const { body: taken } = await bulk({ create: [named(1), named(2)] }).expect(200);
    const before = await revision();
    const [first, second] = taken.created;
    const { body } = await bulk({
      update: [{ id: second.id, name: 's1' }],
      create: [named(3), { ...named(4), topic: 'a/#/b' }, named(3), { ...named(5), actions: [{ type: 'webhook' }] }],
    }).expect(400);
    expect([...new Set(body.errors.map(({ field }: { field: string }) => field))]).toEqual([
      'update[0].name',
      'create[1].topic',
      'create[2].name',
      'create[3].actions[0].url',
    ]);
    expect((await list()).total).toBe(2);
    expect(await revision()).toBe(before);

    expect((await bulk({ create: [{ topic: 'x' }] }).expect(400)).body.errors[0].field).toBe('create[0].name');
    expect((await bulk({}).expect(400)).body.detail).toContain('nothing to do');
    expect((await bulk({ create: many(1_001) }).expect(400)).body.errors[0].field).toBe('create');
    const tooMany = { create: many(999), delete: [first.id, second.id] };
    expect((await bulk(tooMany).expect(400)).body.detail).toContain('1001 changes; 1000 at most');
    const both = { delete: [first.id], update: [{ id: first.id, enabled: false }] };
    expect((await bulk(both).expect(400)).body.errors[0].field).toBe('delete[0]');
    await bulk({ delete: [first.id, 999_999] }).expect(404);
    await operator('post', `${path}/bulk`)
      .set('If-Match', '"1"')
      .send({ delete: [first.id] })
      .expect(412);
    expect((await list()).total).toBe(2);
  });

  it('see each other: two that would publish to one another for ever are found', async () => {
    const republish = (topic: string) => [{ type: 'publish', topic }];
    const { body } = await bulk({
      create: [
        { name: 'ping', topic: 'ping', actions: republish('pong') },
        { name: 'pong', topic: 'pong', actions: republish('ping') },
      ],
    }).expect(400);
    expect(body.errors[0]).toMatchObject({ field: expect.stringMatching(/^create\[1\]\.actions\[0\]/) });
  });

  it('can be left out of the configuration', async () => {
    await bulk({ create: many(3) }).expect(200);
    const config = `/api/v1/products/${product_id}/mqtt-config`;
    const { body } = await operator('get', `${config}?subscriptions=none`).expect(200);
    expect(body).toMatchObject({ subscriptions: [], subscriptions_total: 3 });
    const { body: whole } = await operator('get', config).expect(200);
    expect(whole.subscriptions).toHaveLength(3);
    expect(whole.subscriptions_total).toBe(3);
    await operator('get', `${config}?subscriptions=some`).expect(400);
  });
});
