import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const WEBHOOK = { type: 'webhook', url: 'https://example.com/hook' };

describe('subscriptions over REST', () => {
  let test: TestApp;
  let operator: Client;
  let path: string;
  let product_id: number;

  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    const product = await test.product({ variables: { region: 'eu' } });
    product_id = product.id;
    operator = await test.client('operator', [product.id]);
    await operator('put', `/api/v1/products/${product.id}/mqtt-config`)
      .send({ broker: { host: 'b.example.com' }, topics: { prefix: 'shop/{region}' } })
      .expect(200);
    path = `/api/v1/products/${product.id}/mqtt-config/subscriptions`;
  });

  const create = async (fields: object = {}) =>
    (
      await operator('post', path)
        .send({ name: 'orders', topic: 'orders/{+id}', actions: [WEBHOOK], ...fields })
        .expect(201)
    ).body;

  it('are found by name or topic over all products', async () => {
    const { id } = await create({ name: 'Unique 100% name', topic: 'rare/{+id}' });
    const find = async (search: string) =>
      (await operator('get', `/api/v1/subscriptions?search=${encodeURIComponent(search)}`).expect(200)).body;
    expect(await find('que 100%')).toMatchObject({
      total: 1,
      items: [{ id, product_id, name: 'Unique 100% name', topic: 'rare/{+id}', enabled: true }],
    });
    expect((await find('RARE/')).items[0].product_name).toEqual(expect.any(String));
    expect(await find('que 1%name')).toMatchObject({ total: 0, items: [] });
  });

  it('are created, read, listed, changed and deleted', async () => {
    const created = await create();
    expect(created).toMatchObject({
      name: 'orders',
      topic: 'orders/{+id}',
      topic_filter: 'shop/eu/orders/+',
      enabled: true,
      actions: [{ id: 'a1', type: 'webhook', enabled: true, url: 'https://example.com/hook' }],
      messages_received: 0,
      last_message_at: null,
      actions_attempted: 0,
      actions_executed: 0,
      actions_failed: 0,
    });
    const one = `${path}/${created.id}`;
    expect((await operator('get', one).expect(200)).body).toEqual(created);
    expect((await operator('get', path).expect(200)).body).toMatchObject({ total: 1, page: 1, items: [created] });
    const changed = await operator('put', one).send({ enabled: false, description: 'paused' }).expect(200);
    expect(changed.body).toMatchObject({
      enabled: false,
      description: 'paused',
      topic: 'orders/{+id}',
      actions: created.actions,
    });
    await operator('delete', one).expect(204);
    await operator('get', one).expect(404);
  });

  it('come in pages', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name });
    const { body } = await operator('get', `${path}?page=2&page_size=2`).expect(200);
    expect(body).toMatchObject({ total: 3, page: 2, page_size: 2, items: [{ name: 'c' }] });
    await operator('get', `${path}?page=0`).expect(400);
    await operator('get', `${path}?page_size=501`).expect(400);
  });

  it('raise the revision, and only as somebody wrote', async () => {
    const before = (await operator('get', path).expect(200)).headers.etag as string;
    await create();
    const after = (await operator('get', path).expect(200)).headers.etag as string;
    expect(after).not.toBe(before);
    await operator('post', path).set('If-Match', before).send({ name: 'late', topic: 'x' }).expect(412);
    expect((await operator('get', path).expect(200)).body.total).toBe(1);
  });

  it.each<[string, object, string]>([
    ['an unknown action type', { actions: [{ type: 'fax' }] }, 'actions[0].type'],
    ['an action without its needed field', { actions: [WEBHOOK, { type: 'webhook' }] }, 'actions[1].url'],
    ['a misspelt field of an action', { actions: [{ ...WEBHOOK, uri: 'x' }] }, 'actions[0].uri'],
    [
      'the same action id twice',
      {
        actions: [
          { ...WEBHOOK, id: 'x' },
          { ...WEBHOOK, id: 'x' },
        ],
      },
      'actions[1].id',
    ],
    ['actions that are no array', { actions: {} }, 'actions'],
    ['an unknown placeholder', { topic: 'orders/{nobody}' }, 'topic'],
    ['# that is not last', { topic: 'orders/#/x' }, 'topic'],
    ['$share by hand', { topic: '$share/g/orders', absolute_topic: true }, 'topic'],
    ['a topic beyond 65,535 bytes', { topic: 'x'.repeat(65_536) }, 'topic'],
    ['an empty name', { name: '' }, 'name'],
    ['qos 3', { qos: 3 }, 'qos'],
    ['an unknown payload format', { payload_format: 'xml' }, 'payload_format'],
    ['an unknown field', { topics: 'x' }, 'topics'],
  ])('refuse %s, name the field and change nothing', async (_name, fields, field) => {
    const existing = await create();
    for (const [method, url] of [
      ['post', path],
      ['put', `${path}/${existing.id}`],
    ] as const) {
      const { body } = await operator(method, url)
        .send({ name: 'new', topic: 'new', ...fields })
        .expect(400);
      expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
    }
    expect((await operator('get', path).expect(200)).body.items).toEqual([existing]);
  });

  it('refuse a name that is taken', async () => {
    const first = await create();
    const { body } = await operator('post', path).send({ name: 'orders', topic: 'x' }).expect(409);
    expect(body.errors).toEqual([{ field: 'name', message: expect.stringContaining('taken') }]);
    const second = await create({ name: 'second' });
    await operator('put', `${path}/${second.id}`).send({ name: first.name }).expect(409);
  });

  it('keep variables from being taken away under them', async () => {
    await create();
    const { body } = await operator('patch', `/api/v1/products/${product_id}`).send({ variables: {} }).expect(400);
    expect(body.errors[0].field).toBe('variables');
    expect((await operator('get', `/api/v1/products/${product_id}`).expect(200)).body.variables).toEqual({
      region: 'eu',
    });
  });

  it('of another product are not there', async () => {
    const created = await create();
    const other = await test.product();
    const admin = await test.client('admin');
    await admin('get', `/api/v1/products/${other.id}/mqtt-config/subscriptions/${created.id}`).expect(404);
    await admin('delete', `/api/v1/products/${other.id}/mqtt-config/subscriptions/${created.id}`).expect(404);
    await admin('get', `${path}/999999`).expect(404);
  });
});
