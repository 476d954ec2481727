import { createTestCertificates, type TestCertificate } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const PASSWORD = 'broker password 1234';
const TOKEN = 'a token that nobody may see';

type Document = Record<string, unknown> & { slug: string };

/** An installation of its own, as an administrator sees it. */
async function install(): Promise<{ app: TestApp; admin: Client }> {
  const app = await buildTestApp();
  return { app, admin: await app.client('admin') };
}

describe('configuration as code', () => {
  let one: Awaited<ReturnType<typeof install>>;
  let other: Awaited<ReturnType<typeof install>>;

  let client: TestCertificate;

  beforeAll(async () => {
    ({ client } = await createTestCertificates());
    one = await install();
    other = await install();
  });
  afterAll(async () => {
    await one.app.close();
    await other.app.close();
  });

  it('is not planned where expressions take too long to parse', async () => {
    const subscriptions = [{ name: 'heavy', topic: 'x', filter: 'a'.repeat(10), actions: [] as object[] }];
    const heavy = { type: 'log', message: 'x', when: 'true', input: `[${'(1)+'.repeat(120_000)}1]` };
    subscriptions[0]?.actions.push(heavy, heavy);
    const { body } = await one
      .admin('post', '/api/v1/config/plan')
      .send({ documents: [{ version: 1, slug: 'heavy', name: 'Heavy', subscriptions }] })
      .expect(400);
    expect(body.errors[0].field).toBe('documents[0].subscriptions');
  });

  const exported = async (admin: Client, slug?: string): Promise<Document[]> =>
    (await admin('get', `/api/v1/config/export${slug ? `?product=${slug}` : ''}`).expect(200)).body.documents;
  const plan = async (admin: Client, documents: object[], options: object = {}) =>
    (
      await admin('post', '/api/v1/config/plan')
        .send({ documents, ...options })
        .expect(200)
    ).body;
  const apply = async (admin: Client, plan_id: string, status = 200) =>
    (await admin('post', '/api/v1/config/apply').send({ plan_id, wait_s: 0 }).expect(status)).body;
  const planAndApply = async (admin: Client, documents: object[], options: object = {}) =>
    apply(admin, (await plan(admin, documents, options)).plan_id);
  const faultsOf = async (admin: Client, documents: object[], options: object = {}) =>
    (
      await admin('post', '/api/v1/config/plan')
        .send({ documents, ...options })
        .expect(400)
    ).body.errors as {
      field: string;
      message: string;
    }[];

  /** A product with something in every corner. */
  async function fullProduct(slug: string): Promise<{ id: number; path: string }> {
    const { admin, app } = one;
    const { id } = await app.product({ slug, name: 'Ünusual: "name" #1', variables: { region: 'eu', b: 'x', a: 'y' } });
    const path = `/api/v1/products/${id}`;
    await admin('post', `${path}/secrets`).send({ name: 'API_TOKEN', value: TOKEN }).expect(201);
    await admin('put', `${path}/mqtt-config`)
      .send({
        broker: {
          host: 'broker.example.com',
          transport: 'tls',
          port: 8883,
          username: 'orders',
          password: PASSWORD,
          client_key: client.key,
          client_cert: client.cert,
          user_properties: { z: '1', a: '2' },
          last_will: { topic: 'gone', payload: '', retain: true },
        },
        topics: { prefix: 'shop/{region}', qos: 2 },
        delivery: { handover_after_ms: 50 },
        failover: { after_s: 30 },
      })
      .expect(200);
    await admin('post', `${path}/brokers`)
      .send({ name: 'Spare (EU)', host: 'spare.example.com', password: 'spare' })
      .expect(201);
    await admin('post', `${path}/mqtt-config/subscriptions`)
      .send({
        name: 'orders',
        topic: 'orders/{+id}',
        filter: 'payload.total > 1.0e3',
        actions: [
          {
            type: 'webhook',
            url: 'https://example.com/{{params.id}}',
            headers: { 'X-Token': '{{secrets.API_TOKEN}}', Accept: 'a/b' },
            when: 'payload.a\n  and payload.b ',
          },
        ],
      })
      .expect(201);
    await admin('post', `${path}/mqtt-config/subscriptions`)
      .send({ name: 'all', topic: '', enabled: false })
      .expect(201);
    return { id, path };
  }

  it('gives the same export after an apply to an empty installation, and a second plan that is empty', async () => {
    await fullProduct('full');
    const documents = await exported(one.admin);
    const text = JSON.stringify(documents);
    for (const secret of [PASSWORD, TOKEN, 'PRIVATE KEY', '"spare"']) expect(text).not.toContain(secret);
    expect((await plan(one.admin, documents)).has_changes).toBe(false);

    const first = await plan(other.admin, documents);
    expect(first.summary).toMatchObject({ create: documents.length, update: 0, delete: 0, destructive: 0 });
    expect(first.products[0].missing_secrets).toEqual([
      'API_TOKEN',
      'BROKER_CLIENT_KEY',
      'BROKER_PASSWORD',
      'BROKER_SPARE_EU_PASSWORD',
    ]);
    const applied = await apply(other.admin, first.plan_id);
    expect(applied).toMatchObject({
      complete: true,
      products: [{ slug: 'full', outcome: 'created', listeners: 'none' }],
    });
    expect(JSON.stringify(await exported(other.admin))).toBe(text);
    expect((await plan(other.admin, documents)).has_changes).toBe(false);
  });

  it('gives secrets their values, once', async () => {
    const [document] = (await exported(one.admin, 'full')) as [Document];
    const with_values = {
      ...document,
      slug: 'with-values',
      broker: { ...(document.broker as object), password: { secret: 'BROKER_PASSWORD', value: PASSWORD } },
      secrets: { API_TOKEN: { secret: 'API_TOKEN', value: TOKEN } },
    };
    await planAndApply(other.admin, [with_values]);
    const { product_id } = (await plan(other.admin, [with_values])).products[0];
    expect((await plan(other.admin, [with_values])).has_changes).toBe(false);
    const listener = await other.app.listener(product_id);
    const { body } = await listener('get', '/internal/v1/mqtt-config').expect(200);
    expect(body.brokers[0].password).toBe(PASSWORD);
    expect(body.secrets).toEqual({ API_TOKEN: TOKEN });
    const rotated = { ...with_values, secrets: { API_TOKEN: { secret: 'API_TOKEN', value: 'another' } } };
    const changed = await plan(other.admin, [rotated]);
    expect(changed.products[0].changes).toEqual([expect.objectContaining({ path: 'secret value API_TOKEN' })]);
    expect(JSON.stringify(changed)).not.toContain('another');
    const rows = await other.app.dataSource.query('SELECT * FROM configuration_plans');
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${TOKEN}|${PASSWORD}|another`));
  });

  it('refuses to export a credential that is written out in an action, and says where', async () => {
    const { id } = await one.app.product({ slug: 'written-out' });
    const path = `/api/v1/products/${id}/mqtt-config/subscriptions`;
    const save = (url: string) =>
      one.admin('post', path).send({ name: 's', topic: 't', actions: [{ type: 'webhook', url }] });
    const url = 'https://example.com/hook?token=abcdef0123456789';
    await save(url).expect(400);
    await save('https://example.com/hook').expect(201);
    // As one that was saved before this was refused.
    await one.app.dataSource.query(
      `UPDATE mqtt_subscriptions SET actions = jsonb_set(actions, '{0,url}', $1) WHERE name = 's'`,
      [JSON.stringify(url)],
    );
    for (const query of ['', '?product=written-out']) {
      const { body, text } = await one.admin('get', `/api/v1/config/export${query}`).expect(409);
      expect(body.errors).toEqual([
        { field: 'written-out: subscriptions[0].actions[0].url', message: expect.stringContaining('{{secrets.NAME}}') },
      ]);
      expect(text).not.toContain('abcdef0123456789');
    }
    await one.admin('delete', `/api/v1/products/${id}`).expect(204);
    await one.admin('get', '/api/v1/config/export').expect(200);
  });

  it('never sends a stored password to another host', async () => {
    const [document] = (await exported(one.admin, 'full')) as [Document];
    const elsewhere = { ...document, broker: { ...(document.broker as object), host: 'elsewhere.example.com' } };
    expect(await faultsOf(one.admin, [elsewhere])).toEqual([
      { field: 'documents[0].broker.password', message: expect.stringContaining('another host') },
    ]);
  });

  it('shows each change with its path, and marks what is destructive', async () => {
    const [document] = (await exported(one.admin, 'full')) as [Document];
    const [orders] = (document.subscriptions as object[]).slice(-1);
    const changed = {
      ...document,
      description: 'new words',
      topics: { ...(document.topics as object), qos: 1 },
      subscriptions: [
        { ...orders, enabled: false },
        { name: 'third', topic: 'third' },
      ],
    };
    const { products } = await plan(one.admin, [changed], { prune: true });
    expect(products[0].changes).toEqual([
      { path: 'description', kind: 'add', from: null, to: 'new words', destructive: false },
      { path: 'topics.qos', kind: 'change', from: 2, to: 1, destructive: false },
      { path: 'subscriptions[orders].enabled', kind: 'change', from: true, to: false, destructive: true },
      expect.objectContaining({ path: 'subscriptions[third]', kind: 'add', destructive: false }),
      expect.objectContaining({ path: 'subscriptions[all]', kind: 'remove', destructive: true }),
    ]);
  });

  it('refuses a plan that somebody else was faster than, and writes nothing', async () => {
    const a = await one.app.product({ slug: 'race-a' });
    await one.app.product({ slug: 'race-b' });
    const documents = (await exported(one.admin)).filter(({ slug }) => slug.startsWith('race-'));
    const changed = documents.map((document) => ({ ...document, description: 'planned' }));
    const plans = await Promise.all([plan(one.admin, changed), plan(one.admin, changed), plan(one.admin, changed)]);
    await one.admin('patch', `/api/v1/products/${a.id}`).send({ description: 'faster' }).expect(200);
    for (const { plan_id } of plans) await apply(one.admin, plan_id, 412);
    const after = (await exported(one.admin)).filter(({ slug }) => slug.startsWith('race-'));
    expect(after.map(({ description }) => description)).toEqual(['faster', undefined]);
    // Of plans of the same state one is applied, whatever the order.
    const rivals = await Promise.all(
      [1, 2, 3, 4].map((count) => plan(one.admin, [{ ...changed[1], description: `rival ${count}` }])),
    );
    const statuses = await Promise.all(
      rivals.map(
        async ({ plan_id }) => (await one.admin('post', '/api/v1/config/apply').send({ plan_id, wait_s: 0 })).status,
      ),
    );
    expect(statuses.sort()).toEqual([200, 412, 412, 412]);
  });

  it('applies a plan once, and forgets it after an hour', async () => {
    await one.app.product({ slug: 'once' });
    const [document] = await exported(one.admin, 'once');
    const { plan_id } = await plan(one.admin, [{ ...document, description: 'x' }]);
    await apply(one.admin, plan_id);
    await apply(one.admin, plan_id, 409);
    await one.app.dataSource.query(`UPDATE configuration_plans SET expires_at = now() - interval '1 s'`);
    await apply(one.admin, plan_id, 404);
    await one.app.features.configurationPlans.deleteExpired();
    expect(await one.app.dataSource.query('SELECT 1 FROM configuration_plans')).toEqual([]);
  });

  it('keeps what the documents leave out, and prunes only what it manages', async () => {
    const { admin } = other;
    const managed_by = { name: 'git', console: 'drift' };
    const named = (slug: string, more: object = {}) => ({ version: 1, slug, name: slug, ...more });
    await planAndApply(admin, [
      named('mine', {
        managed_by,
        subscriptions: [
          { name: 'a', topic: 'a' },
          { name: 'b', topic: 'b' },
        ],
      }),
      named('mine-too', { managed_by }),
      named('theirs', { managed_by: { name: 'another' } }),
      named('nobodys'),
    ]);
    const less = [named('mine', { managed_by, subscriptions: [{ name: 'a', topic: 'a' }] })];
    const kept = await plan(admin, less);
    expect(kept).toMatchObject({
      has_changes: false,
      products: [{ left_over: [{ kind: 'subscription', name: 'b' }] }],
    });
    const pruned = await plan(admin, less, { prune: true });
    expect(pruned.products.map(({ slug, action }: Document) => [slug, action])).toEqual([
      ['mine', 'update'],
      ['mine-too', 'delete'],
    ]);
    expect(pruned.summary.destructive).toBe(2);
    await apply(admin, pruned.plan_id);
    const slugs = (await exported(admin)).map(({ slug }) => slug);
    expect(slugs).toEqual(expect.arrayContaining(['mine', 'theirs', 'nobodys']));
    expect(slugs).not.toContain('mine-too');
  });

  it('renames what has moved, and keeps its history', async () => {
    const { admin } = one;
    const product = await one.app.product({ slug: 'old-slug', name: 'Moving' });
    const { body: subscription } = await admin('post', `/api/v1/products/${product.id}/mqtt-config/subscriptions`)
      .send({ name: 'old name', topic: 'x' })
      .expect(201);
    const document = {
      version: 1,
      slug: 'new-slug',
      name: 'Moving',
      subscriptions: [{ name: 'new name', topic: 'x' }],
      moved: [
        { kind: 'product', from: 'old-slug', to: 'new-slug' },
        { kind: 'subscription', from: 'old name', to: 'new name' },
      ],
    };
    await planAndApply(admin, [document], { prune: true });
    expect((await admin('get', `/api/v1/products/${product.id}`).expect(200)).body.slug).toBe('new-slug');
    const renamed = `/api/v1/products/${product.id}/mqtt-config/subscriptions/${subscription.id}`;
    expect((await admin('get', renamed).expect(200)).body.name).toBe('new name');
    expect((await plan(admin, [document], { prune: true })).has_changes).toBe(false);
  });

  it('locks a managed product, or shows what was changed beside it', async () => {
    const { admin } = one;
    const named = (console: string) => ({
      version: 1,
      slug: 'locked',
      name: 'Locked',
      managed_by: { name: 'git', console },
    });
    await planAndApply(admin, [named('lock')]);
    const { id } = (await admin('get', '/api/v1/products?search=locked').expect(200)).body.items[0];
    const change = (description: string) => admin('patch', `/api/v1/products/${id}`).send({ description });
    expect((await change('by hand').expect(409)).body.detail).toContain('managed by git');
    expect(await faultsOf(admin, [{ version: 1, slug: 'locked', name: 'x', managed_by: { name: 'another' } }])).toEqual(
      [{ field: 'documents[0].managed_by', message: expect.stringContaining('git') }],
    );
    await admin('post', `/api/v1/products/${id}/mqtt-config/reconnect`).expect(202);
    await planAndApply(admin, [named('drift')]);
    expect((await admin('get', '/api/v1/config/drift').expect(200)).body.items).toEqual([]);
    await change('by hand').expect(200);
    expect((await admin('get', '/api/v1/config/drift').expect(200)).body.items).toEqual([
      expect.objectContaining({
        slug: 'locked',
        managed_by: 'git',
        changes: [{ path: 'description', kind: 'add', from: null, to: 'by hand', destructive: false }],
      }),
    ]);
    await admin('delete', `/api/v1/products/${id}/managed-by`).expect(204);
    expect((await admin('get', `/api/v1/products/${id}`).expect(200)).body.managed_by).toBeNull();
  });

  it('writes one audit row for each thing that changed, and raises the revision by one', async () => {
    const { admin } = one;
    const product = await one.app.product({ slug: 'audited' });
    const before = await exported(admin, 'audited');
    const revision = async () =>
      Number((await admin('get', `/api/v1/products/${product.id}`).expect(200)).headers.etag?.replaceAll('"', ''));
    const old_revision = await revision();
    await planAndApply(admin, [
      { ...before[0], description: 'x', topics: { prefix: 'p' }, subscriptions: [{ name: 's', topic: 't' }] },
    ]);
    expect(await revision()).toBe(old_revision + 1);
    const { body } = await admin('get', `/api/v1/products/${product.id}/audit-logs`).expect(200);
    expect(body.items.map(({ action }: { action: string }) => action).sort()).toEqual([
      'mqtt_config.update',
      'mqtt_subscription.create',
      'product.create',
      'product.update',
    ]);
  });

  it('names the document and the field of every fault', async () => {
    const good = { version: 1, slug: 'good', name: 'Good' };
    const bad = {
      version: 1,
      slug: 'bad',
      name: 'Bad',
      variables: { 'no name': 'x' },
      broker: { host: 'h', transport: 'tcp', use_tls: true },
      subscriptions: [{ name: 's', topic: '{nobody}', actions: [{ type: 'fax' }] }],
    };
    const fields = (await faultsOf(one.admin, [good, bad])).map(({ field }) => field);
    expect(fields).toEqual(
      expect.arrayContaining([
        'documents[1].variables.no name',
        'documents[1].broker.use_tls',
        'documents[1].subscriptions[0].topic',
        'documents[1].subscriptions[0].actions[0].type',
      ]),
    );
    expect(await faultsOf(one.admin, [{ ...good, brokr: {} }])).toEqual([
      { field: 'documents[0].brokr', message: 'is not a known field' },
    ]);
    expect((await faultsOf(one.admin, [good, good]))[0]?.message).toContain('two documents');
  });

  it('lets an operator change the products of the grant and no others', async () => {
    const mine = await one.app.product({ slug: 'granted' });
    await one.app.product({ slug: 'not-granted' });
    const operator = await one.app.client('operator', [mine.id]);
    await planAndApply(operator, [{ version: 1, slug: 'granted', name: 'Mine' }]);
    for (const slug of ['not-granted', 'brand-new']) {
      const { plan_id } = await plan(operator, [{ version: 1, slug, name: 'x' }]);
      expect((await apply(operator, plan_id, 403)).detail).toContain(slug);
    }
    expect((await exported(operator)).map(({ slug }) => slug)).toEqual(['granted']);
    const viewer = await one.app.client('viewer', [mine.id]);
    const { plan_id } = await plan(viewer, [{ version: 1, slug: 'granted', name: 'Another' }]);
    await apply(viewer, plan_id, 403);
  });

  it('plans a thousand products within five seconds', async () => {
    const documents = Array.from({ length: 1_000 }, (_, index) => ({
      version: 1,
      slug: `many-${index}`,
      name: `Many ${index}`,
      broker: { host: 'broker.example.com', port: 8883, transport: 'tls' },
      topics: { prefix: 'x/{region}' },
      variables: { region: `r${index}` },
      subscriptions: [1, 2, 3].map((count) => ({
        name: `s${count}`,
        topic: `t/${count}/{+id}`,
        actions: [{ type: 'webhook', url: 'https://example.com/{{params.id}}' }],
      })),
    }));
    // Work, not the clock: other suites run beside this one.
    const before = process.cpuUsage();
    const { summary } = await plan(other.admin, documents);
    const { user, system } = process.cpuUsage(before);
    expect(summary.create).toBe(1_000);
    expect((user + system) / 1_000).toBeLessThan(5_000);
  });
});
