import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildTestApp, type Client, TEST_PASSWORD, type TestApp } from '../../testing/build-test-app';

describe('grants', () => {
  let test: TestApp;
  let admin: Client & { user_id: number };
  let mine: { id: number; name: string };
  let theirs: { id: number; name: string };

  const subscriptions = (id: number) => `/api/v1/products/${id}/mqtt-config/subscriptions`;

  beforeAll(async () => {
    test = await buildTestApp({ stream_recheck_ms: 50 });
    admin = await test.client('admin');
    mine = await test.product();
    theirs = await test.product();
    for (const { id } of [mine, theirs]) {
      await admin('post', subscriptions(id))
        .send({ name: `orders of ${id}`, topic: 'orders', actions: [] })
        .expect(201);
    }
  });
  afterAll(() => test.close());

  it.each(['viewer', 'operator'] as const)('shows a %s the granted products only, everywhere', async (role) => {
    const person = await test.client(role, [mine.id]);
    const ids = async (path: string, key: string) => {
      const { body } = await person('get', path).expect(200);
      expect(body.total).toBe(body.items.length);
      return body.items.map((item: Record<string, unknown>) => item[key]);
    };
    expect(await ids('/api/v1/products', 'id')).toEqual([mine.id]);
    expect(await ids('/api/v1/products?search=Product', 'id')).toEqual([mine.id]);
    expect(await ids('/api/v1/overview', 'product_id')).toEqual([mine.id]);
    expect(await ids('/api/v1/overview?search=Product', 'product_id')).toEqual([mine.id]);
    expect(await ids('/api/v1/subscriptions', 'product_id')).toEqual([mine.id]);
    expect(await ids('/api/v1/subscriptions?search=orders', 'product_id')).toEqual([mine.id]);
    expect(await ids(`/api/v1/products/${mine.id}/audit-logs?action=product.create`, 'product_id')).toEqual([mine.id]);
  });

  it('answers the same for a product that is not granted as for one that is not there', async () => {
    const viewer = await test.client('viewer', [mine.id]);
    for (const below of ['', '/mqtt-config', '/mqtt-config/status/stream', '/audit-logs', '/deliveries']) {
      const hidden = await viewer('get', `/api/v1/products/${theirs.id}${below}`).expect(404);
      const missing = await viewer('get', `/api/v1/products/2000000000${below}`).expect(404);
      expect(hidden.body.detail.replaceAll(String(theirs.id), '2000000000')).toBe(missing.body.detail);
    }
  });

  it('with all products holds for one that comes later', async () => {
    const viewer = await test.client('viewer');
    const later = await test.product();
    await viewer('get', `/api/v1/products/${later.id}`).expect(200);
  });

  it('are set at creation, changed at once, and written into the audit log', async () => {
    const { body } = await admin('post', '/api/v1/users')
      .send({
        email: 'v@example.com',
        name: 'V',
        role: 'viewer',
        invite: true,
        all_products: false,
        product_ids: [mine.id],
      })
      .expect(201);
    expect(body).toMatchObject({ all_products: false, product_ids: [mine.id], may_read_payloads: false });
    const changed = await admin('patch', `/api/v1/users/${body.id}`)
      .send({ all_products: true, may_read_payloads: true })
      .expect(200);
    expect(changed.body).toMatchObject({ all_products: true, product_ids: [], may_read_payloads: true });
    const { body: audit } = await admin('get', `/api/v1/audit-logs?action=user.update&entity_id=${body.id}`).expect(
      200,
    );
    expect(audit.items[0]).toMatchObject({
      before: { all_products: false, product_ids: [mine.id], may_read_payloads: false },
      after: { all_products: true, product_ids: [], may_read_payloads: true },
    });
    const { body: refused } = await admin('patch', `/api/v1/users/${body.id}`)
      .send({ all_products: true, product_ids: [mine.id] })
      .expect(400);
    expect(refused.errors).toEqual([{ field: 'product_ids', message: 'must be empty when all_products is true' }]);
  });

  it('give a viewer what messages carry only where they say so', async () => {
    const [{ body: listed }] = [await admin('get', subscriptions(mine.id)).expect(200)];
    const recent = `${subscriptions(mine.id)}/${listed.items[0].id}/recent-messages`;
    const delivery = `/api/v1/products/${mine.id}/deliveries/3b241101-e2bb-4255-8caf-4136c566a962`;
    const without = await test.client('viewer', [mine.id], { may_read_payloads: false });
    for (const path of [recent, delivery]) {
      const { body } = await without('get', path).expect(403);
      expect(body.detail).toBe('Your grant does not include what messages carry; an administrator can add it.');
    }
    await without('get', `/api/v1/products/${mine.id}/deliveries`).expect(200);
    const granted = await test.client('viewer', [mine.id], { may_read_payloads: true });
    await granted('get', recent).expect(200);
    await granted('get', delivery).expect(404);
    const operator = await test.client('operator', [mine.id], { may_read_payloads: false });
    await operator('get', recent).expect(200);
  });

  describe('end an open stream', () => {
    const isOver = async (stream: Response): Promise<void> => {
      // Ends only when the server ends it; the test's own limit would fail otherwise.
      await stream.text();
    };

    it.each([
      ['its token is revoked', 'UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1'],
      ['its token is over', 'UPDATE api_tokens SET expires_at = now() WHERE user_id = $1'],
      ['its user is disabled', 'UPDATE users SET disabled = true WHERE id = $1'],
      ['the product is not granted any more', 'DELETE FROM user_products WHERE user_id = $1'],
    ])('when %s', async (_name, change) => {
      const viewer = await test.client('viewer', [mine.id]);
      const server = createServer(test.app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const path = `/api/v1/products/${mine.id}/mqtt-config/status/stream`;
      const stream = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { Authorization: `Bearer ${viewer.token}` },
      });
      expect(stream.status).toBe(200);
      await test.dataSource.query(change, [viewer.user_id]);
      await isOver(stream);
      server.close();
    });

    it('when its session signs out', async () => {
      const viewer = await test.client('viewer', [mine.id]);
      const session = await test.session(viewer.user_id);
      const server = createServer(test.app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const path = `/api/v1/products/${mine.id}/mqtt-config/status/stream`;
      const stream = await fetch(`http://127.0.0.1:${port}${path}`, { headers: session.headers });
      expect(stream.status).toBe(200);
      await session('post', '/api/v1/auth/logout').expect(204);
      await isOver(stream);
      server.close();
    });
  });

  it('hold back a flood of one user, who is told when to try again, and nobody else', async () => {
    const flooding = await test.client('operator', [mine.id]);
    const path = `/api/v1/products/${mine.id}/deliveries/retry`;
    const statuses: number[] = [];
    for (let sent = 0; sent < 31; sent++) statuses.push((await flooding('post', path)).status);
    expect(statuses.slice(0, 30)).toEqual(Array(30).fill(202));
    const { headers, body } = await flooding('post', path).expect(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(body.type).toBe('urn:cortex-mqtt:problem:too-many-requests');
    const other = await test.client('operator', [mine.id]);
    await other('post', path).expect(202);
  });

  it('list where one is signed in, and end a session elsewhere', async () => {
    const { user_id } = await test.client('viewer');
    const [here, elsewhere] = [await test.session(user_id), await test.session(user_id)];
    const { body } = await here('get', '/api/v1/auth/sessions').expect(200);
    expect(body.items.map(({ is_current }: { is_current: boolean }) => is_current)).toEqual([false, true]);
    const stranger = await test.session((await test.client('viewer')).user_id);
    await stranger('delete', `/api/v1/auth/sessions/${body.items[0].id}`).expect(404);
    await here('delete', `/api/v1/auth/sessions/${body.items[0].id}`).expect(204);
    await elsewhere('get', '/api/v1/auth/me').expect(401);
    await here('get', '/api/v1/auth/me').expect(200);
  });

  it('come with an invitation that lets one person choose a password, once', async () => {
    const { body: user } = await admin('post', '/api/v1/users')
      .send({ email: 'invited@example.com', role: 'viewer', invite: true, product_ids: [mine.id] })
      .expect(201);
    expect(user).toMatchObject({ local_sign_in: false, invited_until: user.invitation.expires_at });
    const login = () =>
      test.anonymous('post', '/api/v1/auth/login').send({ email: user.email, password: TEST_PASSWORD });
    await login().expect(401);
    const accept = (fields: object) =>
      test
        .anonymous('post', '/api/v1/auth/invitations/accept')
        .send({ token: user.invitation.token, password: TEST_PASSWORD, ...fields });
    const { body: read } = await test
      .anonymous('post', '/api/v1/auth/invitations/read')
      .send({ token: user.invitation.token })
      .expect(200);
    expect(read.email).toBe(user.email);
    await accept({ password: 'too short' }).expect(400);
    const { body: session } = await accept({ name: 'Ina' }).expect(200);
    expect(session.user).toMatchObject({ id: user.id, name: 'Ina', all_products: false, product_ids: [mine.id] });
    await accept({}).expect(404);
    await login().expect(200);
    const { body: again } = await admin('post', `/api/v1/users/${user.id}/invitation`).expect(201);
    const { body: newest } = await admin('post', `/api/v1/users/${user.id}/invitation`).expect(201);
    await accept({ token: again.token }).expect(404);
    await test.dataSource.query('UPDATE user_invitations SET expires_at = now()');
    await accept({ token: newest.token }).expect(404);
    await admin('post', '/api/v1/users').send({ email: 'n@example.com', role: 'viewer' }).expect(400);
  });

  it('of API tokens end with a new password unless one asks to keep them', async () => {
    const user = await test.client('operator', [mine.id]);
    const reset = (fields: object) =>
      admin('patch', `/api/v1/users/${user.user_id}`)
        .send({ password: TEST_PASSWORD, ...fields })
        .expect(200);
    await reset({ revoke_api_tokens: false });
    await user('get', '/api/v1/auth/me').expect(200);
    await reset({});
    await user('get', '/api/v1/auth/me').expect(401);
  });

  describe('of an API token', () => {
    it('never go beyond its scopes, its products, nor those of its user', async () => {
      const user = await test.client('operator', [mine.id]);
      const make = (fields: object) => user('post', '/api/v1/api-tokens').send({ name: 'limited', ...fields });
      const { body } = await make({ scopes: ['read'], product_ids: [mine.id] }).expect(201);
      expect(body).toMatchObject({ scopes: ['read'], product_ids: [mine.id] });
      const limited = test.bearer(body.token);
      await limited('get', `/api/v1/products/${mine.id}`).expect(200);
      const { body: refused } = await limited('patch', `/api/v1/products/${mine.id}`).send({ name: 'x' }).expect(403);
      expect(refused.detail).toBe('This API token lacks the scope write.');
      const { body: beyond } = await make({ product_ids: [theirs.id] }).expect(400);
      expect(beyond.errors[0]).toMatchObject({ field: 'product_ids[0]' });
      await test.dataSource.query('DELETE FROM user_products WHERE user_id = $1', [user.user_id]);
      await limited('get', `/api/v1/products/${mine.id}`).expect(404);
    });

    it('limited to products manages nothing beyond them, whoever made it', async () => {
      const { body } = await admin('post', '/api/v1/api-tokens')
        .send({ name: 'one product', scopes: ['read', 'write', 'tokens'], product_ids: [mine.id] })
        .expect(201);
      const limited = test.bearer(body.token);
      await limited('get', `/api/v1/products/${mine.id}`).expect(200);
      await limited('get', `/api/v1/products/${theirs.id}`).expect(404);
      for (const path of ['/api/v1/users', '/api/v1/audit-logs', '/api/v1/api-tokens?user_id=2000000']) {
        await limited('get', path).expect(403);
      }
      await limited('post', '/api/v1/products').send({ name: 'another' }).expect(403);
      const { body: products } = await limited('get', '/api/v1/products').expect(200);
      expect(products.items.map(({ id }: { id: number }) => id)).toEqual([mine.id]);
    });

    it('makes another only within itself, and takes it along when it is revoked', async () => {
      const { body: plain } = await admin('post', '/api/v1/api-tokens').send({ name: 'plain' }).expect(201);
      expect(plain.scopes).toEqual(['read', 'write']);
      await test.bearer(plain.token)('post', '/api/v1/api-tokens').send({ name: 'child' }).expect(403);
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      const { body: parent } = await admin('post', '/api/v1/api-tokens')
        .send({ name: 'parent', expires_at, scopes: ['read', 'tokens'], product_ids: [mine.id] })
        .expect(201);
      const make = (fields: object) =>
        test
          .bearer(parent.token)('post', '/api/v1/api-tokens')
          .send({ name: 'c', ...fields });
      const { body: beyond } = await make({ scopes: ['write'], product_ids: [theirs.id], expires_in_days: 2 }).expect(
        400,
      );
      expect(beyond.errors.map(({ field }: { field: string }) => field)).toEqual([
        'scopes',
        'product_ids[0]',
        'expires_in_days',
      ]);
      await make({ expires_at: null }).expect(400);
      const { body: child } = await make({}).expect(201);
      expect(child).toMatchObject({ scopes: ['read'], product_ids: [mine.id], parent_id: parent.id, expires_at });
      const called = test.bearer(child.token);
      await called('get', '/api/v1/auth/me').expect(200);
      await admin('delete', `/api/v1/api-tokens/${parent.id}`).expect(204);
      await called('get', '/api/v1/auth/me').expect(401);
    });
  });
});
