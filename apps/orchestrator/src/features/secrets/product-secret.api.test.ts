import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

describe('product secrets over REST', () => {
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
    path = `/api/v1/products/${product.id}/secrets`;
  });

  const use = () =>
    operator('post', `/api/v1/products/${product_id}/mqtt-config/subscriptions`)
      .send({
        name: 'orders',
        topic: 'orders',
        actions: [
          { type: 'webhook', url: 'https://example.com', headers: { authorization: 'Bearer {{secrets.API}}' } },
        ],
      })
      .expect(201);

  it('go in and never out, except to the product’s listeners that need them', async () => {
    const created = await operator('post', path).send({ name: 'API', value: 'hush-hush-hush' }).expect(201);
    await operator('put', `${path}/UNUSED`).send({ value: 'never-sent' }).expect(201);
    await use();
    const listed = await operator('get', path).expect(200);
    const audit = await operator('get', `/api/v1/products/${product_id}/audit-logs`).expect(200);
    for (const answer of [created, listed, audit]) expect(answer.text).not.toMatch(/hush-hush-hush|never-sent|"v1\./);
    expect(listed.body.items).toMatchObject([
      { name: 'API', used_by: [expect.any(Number)] },
      { name: 'UNUSED', used_by: [] },
    ]);
    const listener = await test.listener(product_id);
    const { body } = await listener('get', '/internal/v1/mqtt-config').expect(200);
    expect(body.secrets).toEqual({ API: 'hush-hush-hush' });
    await listener('get', '/internal/v1/mqtt-config').expect(200);
    const reads = await operator(
      'get',
      `/api/v1/products/${product_id}/audit-logs?action=mqtt_config.read_by_listener`,
    );
    expect(reads.body.items).toEqual([
      expect.objectContaining({ actor_kind: 'listener', after: { revision: body.revision, secrets: ['API'] } }),
    ]);
  });

  it('are named in the audit log, also when only their value changed', async () => {
    await operator('put', `${path}/API`).send({ value: 'one' }).expect(201);
    await operator('put', `${path}/API`).send({ value: 'another' }).expect(200);
    const { body } = await operator('get', `/api/v1/products/${product_id}/audit-logs`).expect(200);
    expect(body.items[0]).toMatchObject({
      action: 'product_secret.update',
      entity_name: 'API',
      before: { value: '[redacted]' },
      after: { value: '[redacted]' },
    });
  });

  it('raise the revision, so that listeners fetch them', async () => {
    const revision = async () => (await operator('get', path).expect(200)).headers.etag;
    const first = await revision();
    await operator('put', `${path}/API`).send({ value: 'one' }).expect(201);
    const second = await revision();
    await operator('put', `${path}/API`).send({ value: 'two' }).expect(200);
    expect(new Set([first, second, await revision()]).size).toBe(3);
  });

  it('stay as long as a subscription uses them', async () => {
    await operator('put', `${path}/API`).send({ value: 'one' }).expect(201);
    await use();
    const { body } = await operator('delete', `${path}/API`).expect(409);
    expect(body.detail).toContain('"orders"');
    await operator('put', `${path}/OTHER`).send({ value: 'one' }).expect(201);
    await operator('delete', `${path}/OTHER`).expect(204);
    await operator('delete', `${path}/OTHER`).expect(404);
  });

  it('refuse a bad name, an empty value and a name that is taken', async () => {
    await operator('put', `${path}/not-a-name`).send({ value: 'x' }).expect(400);
    await operator('put', `${path}/API`).send({ value: '' }).expect(400);
    await operator('post', path).send({ name: 'API', value: 'x' }).expect(201);
    const { body } = await operator('post', path).send({ name: 'API', value: 'x' }).expect(409);
    expect(body.errors[0].field).toBe('name');
  });
});
