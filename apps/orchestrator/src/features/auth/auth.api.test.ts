import { generateToken } from '@cortex-mqtt/secrets';
import { buildTestApp, type Client, TEST_PASSWORD, type TestApp } from '../../testing/build-test-app';
import type { PasswordWork } from './password-work';

/** Passwords in the clear: scrypt is tested where it lives, and takes half a second each time. */
const plainPasswords: PasswordWork & { verified: (string | null)[] } = {
  verified: [],
  hash: async (password) => `plain:${password}`,
  verify: async (password, hash) => {
    plainPasswords.verified.push(hash);
    return hash === `plain:${password}`;
  },
  needsRehash: () => false,
};

describe('signing in', () => {
  let test: TestApp;
  let admin: Client & { user_id: number };
  let email: string;
  let made = 0;

  beforeAll(async () => {
    test = await buildTestApp({ passwords: plainPasswords, public_url: 'https://mqtt.example.com' });
    admin = await test.client('admin');
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    made += 1;
    email = `person-${made}@example.com`;
    await test.dataSource.query('DELETE FROM login_failures');
    await admin('post', '/api/v1/users').send({ email, role: 'operator', password: TEST_PASSWORD }).expect(201);
  });

  const login = (password = TEST_PASSWORD, address = email) =>
    test.anonymous('post', '/api/v1/auth/login').send({ email: address, password });

  async function signIn() {
    const { body, headers } = await login().expect(200);
    const cookies = headers['set-cookie'] as unknown as string[];
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    const call: Client = (method, path) => test.anonymous(method, path).set('Cookie', cookie);
    return { body, cookies, cookie, csrf: body.csrf_token as string, call };
  }

  it('answers who one is, and sets cookies that scripts and other sites cannot take', async () => {
    const { body, cookies, call } = await signIn();
    expect(body).toEqual({
      user: {
        id: expect.any(Number),
        email,
        name: '',
        role: 'operator',
        all_products: false,
        product_ids: [],
        may_read_payloads: true,
      },
      csrf_token: expect.any(String),
    });
    expect(cookies[0]).toMatch(/^__Host-cortex_session=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(cookies[1]).toMatch(/^csrf_token=[^;]+; Path=\/; Secure; SameSite=Strict$/);
    expect((await call('get', '/api/v1/auth/me').expect(200)).body).toEqual(body);
  });

  it('tells a wrong password, an unknown and a disabled user the same, after the same work', async () => {
    await admin('patch', `/api/v1/users/${(await signIn()).body.user.id}`)
      .send({ disabled: true })
      .expect(200);
    plainPasswords.verified.length = 0;
    const answers = [await login('wrong'), await login(TEST_PASSWORD, 'nobody@example.com'), await login()];
    for (const { status, body } of answers) {
      expect(status).toBe(401);
      expect(body.detail).toBe('E-mail address or password is wrong.');
    }
    expect(plainPasswords.verified).toEqual([`plain:${TEST_PASSWORD}`, null, `plain:${TEST_PASSWORD}`]);
  });

  it('writes no address into the audit log that nobody has: it may be a password', async () => {
    await login(TEST_PASSWORD, 'my secret passphrase').expect(401);
    await login('wrong').expect(401);
    const { body } = await admin('get', '/api/v1/audit-logs?action=session.refuse&page_size=2').expect(200);
    expect(body.items.map(({ actor_name }: { actor_name: string }) => actor_name)).toEqual([email, 'unknown account']);
  });

  it('takes a write with the cookie only with the token, and only from our own page', async () => {
    const { call, csrf } = await signIn();
    const write = () => call('post', '/api/v1/api-tokens').send({ name: 'mine' });
    await write().expect(403);
    await write().set('X-CSRF-Token', 'guessed').expect(403);
    await write().set('X-CSRF-Token', csrf).set('Origin', 'https://evil.example.com').expect(403);
    await write().set('X-CSRF-Token', csrf).set('Origin', 'null').expect(403);
    await write().set('X-CSRF-Token', csrf).set('Sec-Fetch-Site', 'cross-site').expect(403);
    await write().set('X-CSRF-Token', csrf).set('Origin', 'https://mqtt.example.com').expect(201);
    await write().set('X-CSRF-Token', csrf).expect(201);
    expect((await signIn()).csrf).not.toBe(csrf);
  });

  it('lets nobody sign one in from a foreign page', async () => {
    await login().set('Origin', 'https://evil.example.com').expect(403);
  });

  it('works although an old cookie is still there', async () => {
    await login().set('Cookie', 'cortex_session=cms_stale-stale-stale-stale-stale').expect(200);
  });

  it('ends with signing out', async () => {
    const { call, csrf } = await signIn();
    const { headers } = await call('post', '/api/v1/auth/logout').set('X-CSRF-Token', csrf).expect(204);
    expect(String(headers['set-cookie'])).toContain('cortex_session=;');
    await call('get', '/api/v1/auth/me').expect(401);
  });

  it('ends when its time is over', async () => {
    const { call, body } = await signIn();
    await test.dataSource.query('UPDATE sessions SET expires_at = now() WHERE user_id = $1', [body.user.id]);
    await call('get', '/api/v1/auth/me').expect(401);
  });

  it('lives on while it is used, a month at most', async () => {
    const { call, body } = await signIn();
    const expires = async () =>
      (
        await test.dataSource.query('SELECT expires_at, created_at FROM sessions WHERE user_id = $1', [body.user.id])
      )[0];
    await test.dataSource.query(`UPDATE sessions SET expires_at = now() + interval '1 minute' WHERE user_id = $1`, [
      body.user.id,
    ]);
    await call('get', '/api/v1/auth/me').expect(200);
    const used = await expires();
    expect(used.expires_at - Date.now()).toBeGreaterThan(30 * 60_000);
    await test.dataSource.query(
      `UPDATE sessions SET created_at = now() - interval '29 days 23 hours 59 minutes', expires_at = now() + interval '10 seconds' WHERE user_id = $1`,
      [body.user.id],
    );
    await call('get', '/api/v1/auth/me').expect(200);
    expect((await expires()).expires_at - Date.now()).toBeLessThan(11_000);
  });

  it('is refused after five wrong passwords, the right one too, and tells for how long', async () => {
    for (let n = 0; n < 5; n += 1) await login('wrong').expect(401);
    const { body, headers } = await login().expect(429);
    expect(body.type).toBe('urn:cortex-mqtt:problem:too-many-requests');
    expect(Number(headers['retry-after'])).toBeGreaterThan(800);
    await login(TEST_PASSWORD, 'somebody-else@example.com').expect(401);
    await test.dataSource.query(`UPDATE login_failures SET window_started_at = now() - interval '16 minutes'`);
    await login().expect(200);
  });

  it('counts attempts that come all at once', async () => {
    const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await login('wrong')).status));
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(7);
  });

  it('forgets failures at a success', async () => {
    for (let n = 0; n < 4; n += 1) await login('wrong').expect(401);
    await login().expect(200);
    for (let n = 0; n < 4; n += 1) await login('wrong').expect(401);
    await login().expect(200);
  });

  it('with a new password ends all other sessions', async () => {
    const one = await signIn();
    const other = await signIn();
    const change = (current_password: string, new_password: string) =>
      one.call('post', '/api/v1/auth/password').set('X-CSRF-Token', one.csrf).send({ current_password, new_password });
    expect((await change('wrong', 'another good password').expect(400)).body.errors[0].field).toBe('current_password');
    expect((await change(TEST_PASSWORD, 'short').expect(400)).body.errors[0].field).toBe('new_password');
    await change(TEST_PASSWORD, 'another good password').expect(204);
    await one.call('get', '/api/v1/auth/me').expect(200);
    await other.call('get', '/api/v1/auth/me').expect(401);
    await login().expect(401);
    await login('another good password').expect(200);
  });

  it('leaves a trace, also of failures, without passwords', async () => {
    await login('wrong-password-in-audit').expect(401);
    await login().expect(200);
    const { body, text } = await admin('get', `/api/v1/audit-logs?actor=${email}&entity_type=session`).expect(200);
    expect(body.items.map((item: { action: string }) => item.action)).toEqual(['session.create', 'session.refuse']);
    expect(text).not.toContain('wrong-password-in-audit');
  });

  describe('users', () => {
    it('have their sessions and tokens cut off while they are disabled', async () => {
      const { call, csrf, body } = await signIn();
      const token = (await call('post', '/api/v1/api-tokens').set('X-CSRF-Token', csrf).send({ name: 't' }).expect(201))
        .body.token;
      await test.bearer(token)('get', '/api/v1/auth/me').expect(200);
      await admin('patch', `/api/v1/users/${body.user.id}`).send({ disabled: true }).expect(200);
      await call('get', '/api/v1/auth/me').expect(401);
      await test.bearer(token)('get', '/api/v1/auth/me').expect(401);
      await admin('patch', `/api/v1/users/${body.user.id}`).send({ disabled: false }).expect(200);
      await call('get', '/api/v1/auth/me').expect(401);
      await test.bearer(token)('get', '/api/v1/auth/me').expect(200);
    });

    it('have a changed role and grants at once', async () => {
      const product = await test.product();
      const { call, csrf, body } = await signIn();
      const write = () =>
        call('put', `/api/v1/products/${product.id}/mqtt-config`)
          .set('X-CSRF-Token', csrf)
          .send({ topics: { qos: 2 } });
      await write().expect(404);
      await admin('patch', `/api/v1/users/${body.user.id}`)
        .send({ product_ids: [product.id] })
        .expect(200);
      await write().expect(200);
      await admin('patch', `/api/v1/users/${body.user.id}`).send({ role: 'viewer' }).expect(200);
      await write().expect(403);
    });

    it('always have an administrator among them', async () => {
      await test.dataSource.query(`UPDATE users SET role = 'viewer' WHERE role = 'admin' AND id <> $1`, [
        admin.user_id,
      ]);
      for (const change of [{ role: 'viewer' }, { disabled: true }]) {
        const { body } = await admin('patch', `/api/v1/users/${admin.user_id}`).send(change).expect(409);
        expect(body.detail).toContain('last administrator');
      }
      await admin('delete', `/api/v1/users/${admin.user_id}`).expect(409);
      await admin('get', '/api/v1/users').expect(200);
    });

    it('cannot be two of one address, whatever its case', async () => {
      const { body } = await admin('post', '/api/v1/users')
        .send({ email: email.toUpperCase(), role: 'viewer', password: TEST_PASSWORD })
        .expect(409);
      expect(body.errors[0].field).toBe('email');
    });

    it.each([
      ['no address', { email: 'nobody' }, 'email'],
      ['an unknown role', { role: 'root' }, 'role'],
      ['a short password', { password: 'short' }, 'password'],
      [
        'a password made of the address',
        { email: 'jonathan.smith@example.com', password: 'jonathan.smith1' },
        'password',
      ],
      ['a grant on no product', { product_ids: [999_999] }, 'product_ids[0]'],
    ])('are refused with %s', async (_name, change, field) => {
      const { body } = await admin('post', '/api/v1/users')
        .send({ email: 'new@example.com', role: 'viewer', password: TEST_PASSWORD, ...change })
        .expect(400);
      expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
    });

    it('are never shown with a password', async () => {
      const { text } = await admin('get', '/api/v1/users').expect(200);
      expect(text).not.toMatch(/plain:|password/);
    });
  });

  describe('tokens', () => {
    it('are shown once, kept as hashes, and end with revocation and expiry', async () => {
      const created = await admin('post', '/api/v1/api-tokens')
        .send({ name: 'deploy', expires_in_days: 1 })
        .expect(201);
      const { token, id, hint } = created.body;
      expect(token.startsWith(hint)).toBe(true);
      const listed = await admin('get', '/api/v1/api-tokens').expect(200);
      expect(listed.text).not.toContain(token);
      const [row] = await test.dataSource.query('SELECT * FROM api_tokens WHERE id = $1', [id]);
      expect(JSON.stringify(row)).not.toContain(token);
      await test.bearer(token)('get', '/api/v1/auth/me').expect(200);
      await test.dataSource.query('UPDATE api_tokens SET expires_at = now() WHERE id = $1', [id]);
      await test.bearer(token)('get', '/api/v1/auth/me').expect(401);
      const other = (await admin('post', '/api/v1/api-tokens').send({ name: 'other' }).expect(201)).body;
      await admin('delete', `/api/v1/api-tokens/${other.id}`).expect(204);
      await test.bearer(other.token)('get', '/api/v1/auth/me').expect(401);
    });

    it('of others are neither seen nor revoked, except by administrators', async () => {
      const viewer = await test.client('viewer');
      const { id } = (await admin('post', '/api/v1/api-tokens').send({ name: 'x' }).expect(201)).body;
      await viewer('delete', `/api/v1/api-tokens/${id}`).expect(404);
      await viewer('get', `/api/v1/api-tokens?user_id=${admin.user_id}`).expect(403);
      await admin('get', `/api/v1/api-tokens?user_id=${viewer.user_id}`).expect(200);
    });

    it('of a listener open nothing once revoked', async () => {
      const product = await test.product();
      const path = `/api/v1/products/${product.id}/listener-tokens`;
      const { body } = await admin('post', path).send({ name: 'l1' }).expect(201);
      const listener = test.bearer(body.token);
      await listener('get', '/internal/v1/mqtt-config').expect(200);
      await listener('get', '/api/v1/products').expect(403);
      await admin('delete', `${path}/${body.id}`).expect(204);
      await listener('get', '/internal/v1/mqtt-config').expect(401);
    });

    it.each([
      ['unknown', `Bearer ${generateToken('cma').token}`, 'unauthenticated'],
      ['of a listener and unknown', `Bearer ${generateToken('cml').token}`, 'unknown-listener-token'],
      ['no bearer', 'Basic YTpi', 'unauthenticated'],
      ['empty', 'Bearer ', 'unauthenticated'],
    ])('that are %s are refused, with a hint how to sign in', async (_name, header, kind) => {
      const { headers, body } = await test
        .anonymous('get', '/api/v1/products')
        .set('Authorization', header)
        .expect(401);
      expect(headers['www-authenticate']).toBe('Bearer');
      expect(body.type).toBe(`urn:cortex-mqtt:problem:${kind}`);
    });
  });
});
