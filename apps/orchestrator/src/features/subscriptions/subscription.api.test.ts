import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const WEBHOOK = { type: 'webhook', url: 'https://example.com/hook' };

/** Tells for how long this process has stood still at most. */
function watchEventLoop(): () => number {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  return () => {
    clearInterval(timer);
    return Math.max(longest, performance.now() - last);
  };
}

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

  it('add jobs to no queue but those that an administrator allows', async () => {
    const job = (queue: string) => ({ actions: [{ type: 'queue', queue, job_name: 'x' }] });
    const settings = `/api/v1/products/${product_id}`;
    const admin = await test.client('admin');
    await create({ name: 'before', ...job('invoices') });
    await operator('patch', settings)
      .send({ allowed_queues: ['invoices'] })
      .expect(403);
    const { body: kept } = await admin('patch', settings)
      .send({ allowed_queues: ['orders-*'] })
      .expect(400);
    expect(kept.errors).toEqual([
      { field: 'allowed_queues', message: 'must include invoices, which subscription "before" uses' },
    ]);
    await admin('patch', settings)
      .send({ allowed_queues: ['invoices', 'orders-*'] })
      .expect(200);
    await create({ name: 'within', ...job('orders-eu') });
    const refused = [
      { field: 'actions[0].queue', message: 'is not among the queues that the settings of this product allow' },
    ];
    for (const queue of ['payroll', 'orders', 'invoices-2']) {
      const { body } = await operator('post', path)
        .send({ name: queue, topic: 'x', ...job(queue) })
        .expect(400);
      expect(body.errors).toEqual(refused);
    }
    const { body: dry } = await operator('post', `${path}/dry-run`)
      .send({ draft: { name: 'x', topic: 'x', ...job('payroll') }, message: { topic: 'shop/eu/x', payload: '1' } })
      .expect(400);
    expect(JSON.stringify(dry.errors)).toContain(refused[0]?.message);
    await admin('patch', settings).send({ allowed_queues: null }).expect(200);
    await create({ name: 'any', ...job('payroll') });
  });

  it('take the full topic path as such, and warn where it is doubled on purpose', async () => {
    const topics = { prefix: '/v3/applications/app-1', pattern: 'business-events/#' };
    await operator('put', `/api/v1/products/${product_id}/mqtt-config`).send({ topics }).expect(200);
    const full = '/v3/applications/app-1/business-events/order-created';
    const taken = await create({ name: 'full', topic: `  ${full} ` });
    expect(taken).toMatchObject({ topic: full, absolute_topic: true, topic_filter: full, warnings: [] });
    const below = await create({ name: 'below', topic: 'order-created' });
    expect(below).toMatchObject({ absolute_topic: false, topic_filter: full, warnings: [] });

    const doubled = await create({ name: 'doubled', topic: full, absolute_topic: false });
    expect(doubled).toMatchObject({
      absolute_topic: false,
      topic_filter: `/v3/applications/app-1/business-events${full}`,
      warnings: [{ code: 'TOPIC_REPEATS_PREFIX' }],
    });
    const { body: status } = await operator('get', `/api/v1/products/${product_id}/mqtt-config/status`).expect(200);
    expect(status.warnings).toMatchObject([
      { code: 'TOPIC_REPEATS_PREFIX', message: expect.stringContaining('"doubled"'), instance_id: null },
    ]);
    const { body } = await operator('put', `${path}/${doubled.id}`)
      .send({ topic: full, absolute_topic: true })
      .expect(200);
    expect(body).toMatchObject({ topic_filter: full, warnings: [] });
  });

  it('that are silent for a day while others receive are named', async () => {
    const silent = await create({ name: 'silent', topic: 'Orders/#' });
    const lively = await create({ name: 'lively', topic: 'orders/#' });
    await test.dataSource.query(
      `INSERT INTO message_topics (product_id, topic, first_at, last_at, recent_from)
       VALUES ($1, 'shop/eu/orders/1', now(), now(), now())`,
      [product_id],
    );
    const days_ago = "now() - interval '2 days'";
    await test.dataSource.query(
      `UPDATE mqtt_subscriptions SET created_at = ${days_ago}, updated_at = ${days_ago},
         last_message_at = CASE WHEN id = $2 THEN now() END WHERE id IN ($1, $2)`,
      [silent.id, lively.id],
    );
    const { body } = await operator('get', `/api/v1/products/${product_id}/mqtt-config/status`).expect(200);
    expect(body.warnings).toMatchObject([
      { code: 'SILENT_FILTER', message: expect.stringContaining('"shop/eu/Orders/#"') },
    ]);
    expect(body.warnings[0].message).toContain('arrive on "shop/eu/orders/1": upper and lower case differ.');
  });

  it('name the variable that a placeholder wants', async () => {
    const { body } = await operator('post', path)
      .send({ name: 'orders', topic: '{plant}/orders', actions: [WEBHOOK] })
      .expect(400);
    expect(body.errors).toEqual([
      { field: 'topic', message: expect.stringContaining('unknown placeholder {plant}'), variable: 'plant' },
    ]);
    const topics = { prefix: 'shop/{plant}' };
    const { body: config } = await operator('put', `/api/v1/products/${product_id}/mqtt-config`)
      .send({ topics })
      .expect(400);
    expect(config.errors).toMatchObject([{ field: 'topics.prefix', variable: 'plant' }]);
  });

  it('are refused with a secret that does not fit its use, by the field that names it', async () => {
    const secret = (name: string, value: string) =>
      operator('put', `/api/v1/products/${product_id}/secrets/${name}`).send({ value }).expect(201);
    await secret('SHORT', `whsec_${Buffer.alloc(16).toString('base64')}`);
    await secret('NO_URL', 'postgres://db/x?sslkey=/etc/shadow');
    const { body } = await operator('post', path)
      .send({
        name: 'unfit',
        topic: 'unfit',
        actions: [
          { ...WEBHOOK, signing_secrets: ['SHORT'] },
          { type: 'postgres', connection_secret: 'NO_URL', statement: 'SELECT 1' },
          { ...WEBHOOK, headers: { authorization: 'Bearer written-out-0123' } },
        ],
      })
      .expect(400);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
      'actions[0].signing_secrets[0]',
      'actions[1].connection_secret',
      'actions[2].headers.authorization',
    ]);
    expect(JSON.stringify(body)).not.toContain('/etc/shadow');
  });

  it('that publish to each other on MQTT 3.1.1 are refused, the way named', async () => {
    const config = `/api/v1/products/${product_id}/mqtt-config`;
    await operator('put', config)
      .send({ broker: { host: 'b.example.com', protocol_version: 4 } })
      .expect(200);
    const publish = (to: string) => [{ type: 'publish', topic: `shop/eu/${to}` }];
    await create({ name: 'ping', topic: 'ping', actions: publish('pong') });
    const { body } = await operator('post', path)
      .send({ name: 'pong', topic: 'pong', actions: publish('ping') })
      .expect(400);
    expect(body.errors).toEqual([
      { field: 'actions[0].topic', message: expect.stringContaining('leads back through "ping"') },
    ]);
  });

  it('with expressions that take long to check are refused, and nobody else waits', async () => {
    const nested = (depth: number): string => (depth === 0 ? 'payload.a' : `(${nested(depth - 1)} ?? payload.b)`);
    const costly = Array.from({ length: 40 }, (_, index) => `$match(payload.a, /(x{900}|y{900})${index}/)`);
    const wide = `{${Array.from({ length: 50 }, (_, index) => `"k${index}": payload.a${index} + 1`).join(', ')}}`;
    const send = (actions: object[]) => operator('post', path).send({ name: 'costly', topic: 'costly', actions });
    const slowest = watchEventLoop();
    const answers = await Promise.all([
      send([{ ...WEBHOOK, input: nested(30) }]),
      send([{ ...WEBHOOK, input: `[${costly.join(',')}]` }]),
      send([{ ...WEBHOOK, body: `{{ ${nested(30)} }}` }]),
      // Large, and nothing wrong with it.
      send(Array.from({ length: 2 }, () => ({ ...WEBHOOK, when: wide, input: wide }))),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 201]);
    // On a quiet machine some 50 ms; seventy seconds it was.
    expect(slowest()).toBeLessThan(3_000);
  });

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
