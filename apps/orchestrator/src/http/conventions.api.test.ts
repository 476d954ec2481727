import request from 'supertest';
import { buildTestApp, type Client, type TestApp } from '../testing/build-test-app';

describe('the conventions of the API', () => {
  let test: TestApp;
  let admin: Client & { user_id: number };
  let product: string;
  beforeAll(async () => {
    test = await buildTestApp();
    admin = await test.client('admin');
    product = `/api/v1/products/${(await test.product()).id}`;
  });
  afterAll(() => test.close());

  it('answer OPTIONS with what a path takes, to anybody, and HEAD with the headers of GET', async () => {
    const options = await request(test.app).options(`${product}/mqtt-config`).expect(204);
    expect(options.headers.allow).toBe('GET, PUT, HEAD, OPTIONS');
    expect((await request(test.app).options(product).expect(204)).headers['accept-patch']).toContain('merge-patch');
    const get = await admin('get', product).expect(200);
    const head = await request(test.app).head(product).set('Authorization', get.request.get('Authorization'));
    expect(head.status).toBe(200);
    expect(head.headers.etag).toBe(get.headers.etag);
    await request(test.app).head(product).expect(401);
    const stream = `${product}/mqtt-config/status/stream`;
    const answer = await request(test.app).head(stream).set('Authorization', get.request.get('Authorization'));
    expect(answer.headers['content-type']).toContain('text/event-stream');
  });

  it('take a change as a merge patch', async () => {
    await admin('patch', product)
      .type('application/merge-patch+json')
      .send(JSON.stringify({ description: 'merged' }))
      .expect(200)
      .expect(({ body }) => expect(body.description).toBe('merged'));
  });

  it('compress what is above 1 kB, save event streams and what no cache may keep', async () => {
    const document = await request(test.app).get('/api/v1/openapi.json').set('Accept-Encoding', 'gzip').expect(200);
    expect(document.headers['content-encoding']).toBe('gzip');
    const small = await admin('get', product).set('Accept-Encoding', 'gzip').expect(200);
    expect(small.headers['content-encoding']).toBeUndefined();
    const name = 'n'.repeat(100);
    const token = await admin('post', '/api/v1/api-tokens').set('Accept-Encoding', 'gzip').send({ name }).expect(201);
    expect(token.headers['content-encoding']).toBeUndefined();
  });

  it('honour lists of tags in If-Match', async () => {
    const { etag = '' } = (await admin('get', product).expect(200)).headers;
    const change = (tags: string) => admin('patch', product).set('If-Match', tags).send({ description: tags });
    await change('"1-nothing", "99"').expect(412);
    await change(`W/${etag}`).expect(412);
    await change('no tags').expect(400);
    await change(`"1-nothing", ${etag}`).expect(200);
    await change(etag).expect(412);
    await change('*').expect(200);
  });

  it('refuse a lost update of users and tokens', async () => {
    const { body: user, headers } = await admin('post', '/api/v1/users')
      .send({ email: 'a@example.com', role: 'viewer', invite: true })
      .expect(201);
    const path = headers.location ?? '';
    const { etag = '' } = (await admin('get', path).expect(200)).headers;
    await admin('patch', path).set('If-Match', etag).send({ name: 'One' }).expect(200);
    await admin('patch', path).set('If-Match', etag).send({ name: 'Two' }).expect(412);
    await admin('delete', path).set('If-Match', etag).expect(412);
    expect((await admin('get', path).expect(200)).body.name).toBe('One');
    expect(user.id).toBeGreaterThan(0);
    for (const tokens of ['/api/v1/api-tokens', `${product}/listener-tokens`]) {
      const made = await admin('post', tokens).send({ name: 'a token' }).expect(201);
      const one = made.headers.location ?? '';
      expect((await admin('get', one).expect(200)).headers.etag).toBe(made.headers.etag);
      await admin('delete', one).set('If-Match', '"another"').expect(412);
      await admin('delete', one)
        .set('If-Match', made.headers.etag ?? '')
        .expect(204);
      await admin('delete', one)
        .set('If-Match', made.headers.etag ?? '')
        .expect(412);
    }
  });

  it('create only what is not there with If-None-Match: *', async () => {
    const secret = `${product}/secrets/ONCE`;
    const put = (value: string) => admin('put', secret).set('If-None-Match', '*').send({ value });
    const made = await put('first').expect(201);
    expect(made.headers.location).toBe(secret);
    await put('second').expect(412);
    await admin('get', secret).expect(200);
    await admin('put', secret).send({ value: 'third' }).expect(200);
    await admin('patch', product).set('If-None-Match', '*').send({ description: 'x' }).expect(412);
  });

  it('carry a request with an Idempotency-Key out once', async () => {
    const create = (key: string, name: string, client: Client = admin) =>
      client('post', '/api/v1/products').set('Idempotency-Key', key).send({ name });
    const [first, second] = await Promise.all([create('"k-1"', 'Once'), create('"k-1"', 'Once')]);
    const statuses = [first?.status, second?.status].sort();
    expect([
      [201, 201],
      [201, 409],
    ]).toContainEqual(statuses);
    const replayed = await create('k-1', 'Once').expect(201);
    expect(replayed.headers['idempotency-replayed']).toBe('true');
    expect(replayed.headers.location).toBe(`/api/v1/products/${replayed.body.id}`);
    const { body } = await admin('get', '/api/v1/products?search=Once').expect(200);
    expect(body.items.map(({ id }: { id: number }) => id)).toEqual([replayed.body.id]);
    const reused = await create('k-1', 'Another').expect(422);
    expect(reused.body.type).toBe('urn:cortex-mqtt:problem:idempotency-key-reused');
    await create('k-1', 'Once more', await test.client('admin')).expect(201);
    await create('k-2', '').expect(400);
    await create('k-2', 'After a refusal').expect(201);
    await create('ü', 'x').expect(400);
    await create('x'.repeat(256), 'x').expect(400);
  });

  it('keep no reply in plain text, and no key for longer than a day', async () => {
    const key = 'token-key';
    const make = () => admin('post', '/api/v1/api-tokens').set('Idempotency-Key', key).send({ name: 'sealed' });
    const first = await make().expect(201);
    expect((await make().expect(201)).body.token).toBe(first.body.token);
    const [row] = await test.dataSource.query<{ reply: string }[]>(
      'SELECT reply FROM idempotency_keys WHERE key = $1',
      [key],
    );
    expect(row?.reply).not.toContain(first.body.token);
  });

  it('say one thing of a fault, and that a field is required when it is absent', async () => {
    const { body } = await admin('post', `${product}/mqtt-config/subscriptions`).send({}).expect(400);
    expect(body.errors).toEqual([
      { field: 'name', message: 'is required' },
      { field: 'topic', message: 'is required' },
    ]);
    const wrong = await admin('post', '/api/v1/products').send({ name: 7, slug: '-' }).expect(400);
    expect(wrong.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual(['name', 'slug']);
    expect(wrong.body.errors).toContainEqual({ field: 'name', message: 'must be a string' });
    expect(wrong.headers.link).toBe('</docs/problems/validation>; rel="help"');
  });
});
