import { buildStatusReport } from '@cortex-mqtt/testing';
import type { StatusReport } from '@cortex-mqtt/contracts';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

describe('further brokers of a product', () => {
  let app: TestApp;
  let operator: Client;
  let viewer: Client;
  let product_id: number;
  let base: string;

  beforeAll(async () => {
    app = await buildTestApp();
    viewer = await app.client('viewer');
  });
  beforeEach(async () => {
    ({ id: product_id } = await app.product());
    operator = await app.client('operator', [product_id]);
    base = `/api/v1/products/${product_id}`;
  });
  afterAll(() => app.close());

  const add = async (fields: Record<string, unknown>): Promise<{ id: number }> => {
    const { body } = await operator('post', `${base}/brokers`)
      .send({ host: 'b.example.com', ...fields })
      .expect(201);
    return body as { id: number };
  };

  const document = async () => {
    const listener = await app.listener(product_id);
    const { body } = await listener('get', '/internal/v1/mqtt-config').expect(200);
    return body as { revision: number; brokers: { name: string; host: string; password: string | null }[] };
  };

  it('come after the primary one in what listeners get, secrets open', async () => {
    await operator('put', `${base}/mqtt-config`)
      .send({ broker: { host: 'a.example.com', password: 'first' } })
      .expect(200);
    await add({ name: 'standby', host: 'b.example.com', port: 8883, use_tls: true, username: 'u', password: 'second' });
    await add({ name: 'last', host: 'c.example.com' });
    const { brokers } = await document();
    expect(brokers.map(({ name, host, password }) => [name, host, password])).toEqual([
      ['primary', 'a.example.com', 'first'],
      ['standby', 'b.example.com', 'second'],
      ['last', 'c.example.com', null],
    ]);
    expect(brokers[1]).toMatchObject({ port: 8883, transport: 'tls', username: 'u' });
  });

  it('are none while the primary one is not configured', async () => {
    await add({ name: 'standby' });
    expect((await document()).brokers).toEqual([]);
  });

  it('never answer a secret, in no column and no audit row', async () => {
    const { id } = await add({ name: 'standby', password: 'hunter-two', username: 'u' });
    const { body, text } = await viewer('get', `${base}/brokers/${id}`).expect(200);
    expect(body).toMatchObject({ name: 'standby', username: 'u', password_set: true, client_key_set: false });
    expect(text).not.toContain('hunter-two');
    const [row] = await app.dataSource.query('SELECT password FROM mqtt_brokers WHERE id = $1', [id]);
    expect(row.password).not.toContain('hunter-two');
    const { text: audit } = await viewer('get', `${base}/audit-logs`).expect(200);
    expect(audit).toContain('mqtt_broker.create');
    expect(audit).not.toContain('hunter-two');
    expect(audit).not.toContain(row.password);
  });

  it('take the order they are put in, and only a whole one', async () => {
    await operator('put', `${base}/mqtt-config`)
      .send({ broker: { host: 'a.example.com' } })
      .expect(200);
    const first = await add({ name: 'first' });
    const second = await add({ name: 'second' });
    await operator('put', `${base}/brokers/order`)
      .send({ ids: [second.id] })
      .expect(400);
    await operator('put', `${base}/brokers/order`)
      .send({ ids: [second.id, second.id] })
      .expect(400);
    const { body } = await operator('put', `${base}/brokers/order`)
      .send({ ids: [second.id, first.id] })
      .expect(200);
    expect(body.items.map((broker: { name: string; position: number }) => [broker.name, broker.position])).toEqual([
      ['second', 1],
      ['first', 2],
    ]);
    expect((await document()).brokers.map((broker) => broker.name)).toEqual(['primary', 'second', 'first']);
  });

  it('need the password again when the host changes', async () => {
    const { id } = await add({ name: 'standby', password: 'hunter-two' });
    const { body } = await operator('put', `${base}/brokers/${id}`).send({ host: 'evil.example.com' }).expect(400);
    expect(body.errors).toEqual([expect.objectContaining({ field: 'password' })]);
    await operator('put', `${base}/brokers/${id}`).send({ port: 1884 }).expect(400);
    await operator('put', `${base}/brokers/${id}`).send({ keep_alive: 20 }).expect(200);
    const cleared = await operator('put', `${base}/brokers/${id}`)
      .send({ host: 'c.example.com', port: 1884, password: null })
      .expect(200);
    expect(cleared.body).toMatchObject({ host: 'c.example.com', port: 1884, password_set: false });
  });

  it('raise the revision with every change, and refuse a lost update', async () => {
    const before = (await document()).revision;
    const { id } = await add({ name: 'standby' });
    await operator('put', `${base}/brokers/${id}`).set('If-Match', `"${before}"`).send({ port: 1884 }).expect(412);
    const { headers } = await operator('put', `${base}/brokers/${id}`)
      .set('If-Match', `"${before + 1}"`)
      .send({ port: 1884 })
      .expect(200);
    expect(headers.etag).toMatch(new RegExp(`^"${before + 2}-`));
    await operator('delete', `${base}/brokers/${id}`).expect(204);
    expect((await document()).revision).toBe(before + 3);
    await viewer('get', `${base}/brokers/${id}`).expect(404);
  });

  it('have names of their own', async () => {
    await add({ name: 'standby' });
    await operator('post', `${base}/brokers`).send({ name: 'standby', host: 'c.example.com' }).expect(409);
    await operator('post', `${base}/brokers`).send({ name: 'primary', host: 'c.example.com' }).expect(400);
    await operator('post', `${base}/brokers`).send({ name: 'no host' }).expect(400);
  });

  it('are not reached by way of another product', async () => {
    const { id } = await add({ name: 'standby' });
    const other = await app.product();
    const both = await app.client('operator', [product_id, other.id]);
    await both('get', `/api/v1/products/${other.id}/brokers/${id}`).expect(404);
    await both('put', `/api/v1/products/${other.id}/brokers/${id}`).send({ port: 1 }).expect(404);
    await both('delete', `/api/v1/products/${other.id}/brokers/${id}`).expect(404);
    await both('post', `/api/v1/products/${other.id}/brokers/${id}/test`).send({}).expect(404);
  });

  it('are tested with their own stored credentials', async () => {
    const { id } = await add({ name: 'standby', host: 'b.example.com', port: 1999, username: 'u', password: 'second' });
    const asked: unknown[] = [];
    const worker = app.queues.worker('connection-tests', {
      'connection-test': async ({ data }: { data: unknown }) => {
        const { test_id } = data as { test_id: string };
        const request = await app.features.connectionTests.request(product_id, test_id);
        asked.push(request.broker);
        return { status: 'success', connected: true, stages: [] };
      },
    });
    const ask = (body?: object) => operator('post', `${base}/brokers/${id}/test`).send(body);
    await ask().expect(200);
    await ask({ host: 'B.example.com.', port: 1999, username: 'u', verify_cert: true }).expect(200);
    await ask({ port: 2000 }).expect(400);
    await ask({ host: 'evil.example.com' }).expect(400);
    await ask({ host: 'evil.example.com', password: null }).expect(200);
    await worker.close();
    expect(asked).toEqual([
      expect.objectContaining({ host: 'b.example.com', port: 1999, username: 'u', password: 'second' }),
      expect.objectContaining({ host: 'B.example.com', port: 1999, username: 'u', password: 'second' }),
      expect.objectContaining({ host: 'evil.example.com', password: null }),
    ]);
  });

  it('are subscribed on one at a time, or on all by choice, and then need sessions of their own', async () => {
    const configure = (body: object) => operator('put', `${base}/mqtt-config`).send(body);
    const { body: config } = await configure({ broker: { host: 'a.example.com' } }).expect(200);
    expect(config.mqtt_config.failover).toEqual({ subscribe_on: 'one', after_s: null, failback_after_s: null });
    const twin = await add({ name: 'twin', host: 'A.example.com.' });
    const refused = await configure({ failover: { subscribe_on: 'all' } }).expect(400);
    expect(refused.body.errors).toEqual([
      { field: 'failover.subscribe_on', message: expect.stringContaining('"primary" and "twin" have one host') },
    ]);
    await operator('put', `${base}/brokers/${twin.id}`).send({ client_id: 'another' }).expect(200);
    await configure({ failover: { subscribe_on: 'all', after_s: 30 } }).expect(200);
    expect(await document()).toMatchObject({
      failover: { subscribe_on: 'all', after_s: 30, failback_after_s: null },
    });
    const { body: fault } = await operator('put', `${base}/brokers/${twin.id}`).send({ client_id: null }).expect(400);
    expect(fault.errors).toEqual([{ field: 'client_id', message: expect.stringContaining('each would end') }]);
    await configure({ failover: { subscribe_on: 'both' } }).expect(400);
    const { text } = await viewer('get', `${base}/audit-logs`).expect(200);
    expect(text).toContain('subscribe_on');
  });

  it('tell which instances are connected to each of them', async () => {
    await operator('put', `${base}/mqtt-config`)
      .send({ broker: { host: 'a.example.com' } })
      .expect(200);
    for (const name of ['up', 'down']) await add({ name });
    const of = (name: string, state: StatusReport['state']) => {
      const {
        state_since,
        reason,
        reason_code,
        advice,
        client_id,
        connected_at,
        disconnected_at,
        recovery,
        subscribed,
      } = buildStatusReport();
      const rest = { state_since, reason, reason_code, advice, client_id, connected_at, disconnected_at, recovery };
      return { name, host: `${name}.example.com`, port: 1883, state, subscribed, session: null, ...rest };
    };
    const brokers = [of('primary', 'connected'), of('up', 'degraded'), of('down', 'disconnected')];
    const listener = await app.listener(product_id);
    await listener('post', '/internal/mqtt-status')
      .send(buildStatusReport({ state: 'degraded', brokers }))
      .expect(200);
    const { body } = await viewer('get', `${base}/brokers`).expect(200);
    expect(body.items.map(({ name, in_use_by }: { name: string; in_use_by: string[] }) => [name, in_use_by])).toEqual([
      ['up', ['one']],
      ['down', []],
    ]);
    const { body: status } = await viewer('get', `${base}/mqtt-config/status`).expect(200);
    expect(status.instances[0].brokers).toMatchObject([
      { name: 'primary', state: 'connected', granted: 0, wanted: 0, next_try_at: null },
      { name: 'up', state: 'degraded' },
      { name: 'down', state: 'disconnected' },
    ]);
  });

  it('go with their product', async () => {
    await add({ name: 'standby' });
    const admin = await app.client('admin');
    await admin('delete', base).expect(204);
    const rows = await app.dataSource.query('SELECT 1 FROM mqtt_brokers WHERE product_id = $1', [product_id]);
    expect(rows).toEqual([]);
  });
});
