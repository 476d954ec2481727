import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@cortex-mqtt/testing';
import { BrowserJar } from '../../testing/browser-jar';
import { buildTestApp, type TestApp } from '../../testing/build-test-app';
import { type HostileProvider, startHostileProvider } from '../../testing/hostile-provider';
import { type RealProvider, startOidcProvider, type TestAccount } from '../../testing/oidc-provider';
import type { OidcProvider } from './provider-settings';

const GRANTS: OidcProvider['grants'] = [
  { group: 'admins', role: 'admin' },
  { group: 'shop', role: 'operator', products: ['shop'] },
  { group: 'readers', role: 'viewer', products: 'all' },
];
const ALICE: TestAccount = { email: 'Alice@example.com', email_verified: true, name: 'Alice', groups: ['shop'] };
const BREAK_GLASS = 'emergency@example.com';

const providerOf = (id: string, issuer: string, overrides: Partial<OidcProvider> = {}): OidcProvider => ({
  id,
  name: `Company ${id}`,
  issuer: new URL(issuer),
  client_id: 'cortex',
  client_secret: 'a secret of the client',
  scopes: ['openid', 'email', 'profile', 'groups'],
  groups_claim: 'groups',
  require_verified_email: true,
  link_by_email: false,
  grants: GRANTS,
  ...overrides,
});

describe('signing in with a provider', () => {
  let server: Server;
  let url: string;
  let test: TestApp;
  let real: RealProvider;
  let hostile: HostileProvider;
  let shop_id: number;

  beforeAll(async () => {
    server = createServer((request, response) => test.app(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const real_paths = `${url}/api/v1/auth/oidc/real`;
    real = await startOidcProvider({ redirect: `${real_paths}/callback`, logout: `${real_paths}/backchannel-logout` });
    hostile = await startHostileProvider('cortex');
    test = await buildTestApp({
      public_url: url,
      single_sign_on: {
        break_glass_email: BREAK_GLASS,
        providers: [
          providerOf('real', real.issuer),
          providerOf('hostile', hostile.issuer),
          providerOf('linking', hostile.issuer, { link_by_email: true }),
          providerOf('away', 'http://127.0.0.1:9'),
        ],
      },
    });
    shop_id = (await test.product({ name: 'Shop', slug: 'shop' })).id;
    await test.product({ name: 'Other', slug: 'other' });
  });
  afterAll(async () => {
    await real?.stop();
    hostile?.stop();
    await test?.close();
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    hostile.idToken = (usual) =>
      hostile.sign({ ...usual, email: 'mallory@example.com', email_verified: true, groups: ['readers'] });
    hostile.userInfo = { sub: 'mallory' };
    hostile.status = null;
  });

  const start = (provider: string, return_to = '/products/1') =>
    `${url}/api/v1/auth/oidc/${provider}/start?return_to=${encodeURIComponent(return_to)}`;
  const isPage = (next: URL) => next.origin === url && !next.pathname.startsWith('/api/');
  const isCallback = (next: URL) => next.pathname.endsWith('/callback');

  /** The page on which a whole sign-in ends, as a path. */
  async function signIn(provider: string, browser: BrowserJar, return_to?: string): Promise<string> {
    const page = await browser.follow(start(provider, return_to), isPage);
    return `${page.pathname}${page.search}`;
  }
  function asAccount(account: string): BrowserJar {
    const browser = new BrowserJar();
    browser.setCookie(real.issuer, 'account', account);
    return browser;
  }
  async function me(browser: BrowserJar) {
    const response = await browser.open(`${url}/api/v1/auth/me`);
    const body = (await response.json()) as { user: Record<string, unknown> & { id: number } };
    return { status: response.status, user: body.user };
  }
  const latestAudit = async (action: string) => {
    const [row] = await test.dataSource.query('SELECT * FROM audit_logs WHERE action = $1 ORDER BY id DESC LIMIT 1', [
      action,
    ]);
    return row;
  };

  it('lists the ways to sign in', async () => {
    const { body } = await test.anonymous('get', '/api/v1/auth/options').expect(200);
    expect(body.password).toBe(true);
    expect(body.providers[0]).toEqual({ id: 'real', name: 'Company real', url: '/api/v1/auth/oidc/real/start' });
  });

  it('makes a user of whoever comes first, with the grants of their groups', async () => {
    await real.setAccounts({ alice: ALICE });
    const browser = asAccount('alice');
    expect(await signIn('real', browser, '/products/7?tab=x')).toBe('/products/7?tab=x');
    const { user } = await me(browser);
    expect(user).toMatchObject({
      email: 'alice@example.com',
      name: 'Alice',
      role: 'operator',
      all_products: false,
      product_ids: [shop_id],
    });
    expect((await latestAudit('session.create')).after).toEqual({ provider: 'real' });
    const admin = await test.client('admin');
    const { body } = await admin('get', `/api/v1/users/${user.id}`).expect(200);
    expect(body).toMatchObject({ local_sign_in: false, identity_provider: 'real' });
    // The same person again is the same user.
    const again = asAccount('alice');
    await signIn('real', again);
    expect((await me(again)).user.id).toBe(user.id);
  });

  it('leaves role, grants and password of such a user to the provider', async () => {
    await real.setAccounts({ alice: ALICE });
    const browser = asAccount('alice');
    await signIn('real', browser);
    const { user } = await me(browser);
    const admin = await test.client('admin');
    const path = `/api/v1/users/${user.id}`;
    const { body } = await admin('patch', path).send({ role: 'admin', name: 'A' }).expect(409);
    expect(body.errors).toEqual([{ field: 'role', message: 'is decided by the provider' }]);
    await admin('patch', path).send({ password: 'correct horse battery staple' }).expect(409);
    await admin('post', `${path}/invitation`).expect(409);
    await admin('patch', path).send({ name: 'A' }).expect(200);
  });

  it('takes grants with the group, and everything with the last one', async () => {
    await real.setAccounts({ alice: { ...ALICE, groups: ['admins'] } });
    const browser = asAccount('alice');
    await signIn('real', browser);
    const { user } = await me(browser);
    expect(user.role).toBe('admin');
    await real.setAccounts({ alice: { ...ALICE, groups: ['readers'] } });
    await signIn('real', asAccount('alice'));
    expect((await me(browser)).user).toMatchObject({ role: 'viewer', all_products: true, may_read_payloads: false });
    expect(await latestAudit('user.update')).toMatchObject({
      actor_name: 'provider real',
      before: { role: 'admin' },
      after: { role: 'viewer' },
    });
    await real.setAccounts({ alice: { ...ALICE, groups: [] } });
    expect(await signIn('real', asAccount('alice'))).toBe('/sign-in?refused=no_group');
    expect((await me(browser)).status).toBe(401);
    const admin = await test.client('admin');
    expect((await admin('get', `/api/v1/users/${user.id}`)).body).toMatchObject({
      all_products: false,
      product_ids: [],
    });
    expect((await latestAudit('session.refuse')).after).toEqual({
      provider: 'real',
      reason: 'no_group',
      who: 'Alice@example.com',
    });
  });

  it('refuses a disabled user, and a person who says no', async () => {
    await real.setAccounts({ bob: { ...ALICE, email: 'bob@example.com' } });
    const browser = asAccount('bob');
    await signIn('real', browser);
    const admin = await test.client('admin');
    await admin('patch', `/api/v1/users/${(await me(browser)).user.id}`)
      .send({ disabled: true })
      .expect(200);
    expect(await signIn('real', asAccount('bob'))).toBe('/sign-in?refused=disabled');
    expect(await signIn('real', new BrowserJar())).toBe('/sign-in?refused=refused');
  });

  it('ends the sessions of whoever signs out at the provider', async () => {
    await real.setAccounts({ alice: ALICE });
    const browser = asAccount('alice');
    await signIn('real', browser);
    const elsewhere = asAccount('alice');
    await signIn('real', elsewhere);
    const form = await (await browser.open(`${real.issuer}/session/end`)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
    const confirmed = await browser.open(`${real.issuer}/session/end/confirm`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    });
    expect(confirmed.headers.get('location')).toContain('/session/end/success');
    await waitFor(async () => (await me(browser)).status === 401);
    expect((await latestAudit('session.delete')).after).toEqual({ by: 'provider real' });
    // Another session at the provider is another sign-in.
    expect((await me(elsewhere)).status).toBe(200);
  });

  it('takes the provider’s new keys', async () => {
    await real.setAccounts({ carol: { ...ALICE, email: 'carol@example.com' } });
    await signIn('real', asAccount('carol'));
    await real.rotateKeys();
    const realNow = Date.now;
    // Keys are fetched again for an unknown one when they are a minute old, so that nobody makes us fetch all the time.
    const later = jest.spyOn(Date, 'now').mockImplementation(() => realNow() + 61_000);
    const browser = asAccount('carol');
    const page = await signIn('real', browser).finally(() => later.mockRestore());
    expect(page).toBe('/products/1');
  });

  describe('under attack', () => {
    it.each<[string, (usual: Parameters<HostileProvider['idToken']>[0]) => Promise<string>]>([
      ['another nonce', (usual) => hostile.sign({ ...usual, nonce: 'another' })],
      ['no nonce', ({ nonce: _, ...usual }) => hostile.sign(usual)],
      ['another audience', (usual) => hostile.sign({ ...usual, aud: 'another' })],
      ['another party of two', (usual) => hostile.sign({ ...usual, aud: ['cortex', 'x'], azp: 'x' })],
      ['another issuer', (usual) => hostile.sign({ ...usual, iss: 'http://evil.example' })],
      ['an end in the past', (usual) => hostile.sign({ ...usual, exp: (usual.exp ?? 0) - 3_600 })],
      ['another key', (usual) => hostile.forge(usual)],
      ['no signature', async (usual) => unsigned(usual, { alg: 'none' })],
      ['an empty signature', async (usual) => unsigned(usual, { alg: 'RS256', kid: 'own' })],
      ['no subject', ({ sub: _, ...usual }) => hostile.sign(usual)],
      ['no token at all', async () => ''],
    ])('takes no ID token with %s', async (_name, idToken) => {
      hostile.idToken = (usual) =>
        idToken({ ...usual, email: 'm@example.com', email_verified: true, groups: ['admins'] });
      const browser = new BrowserJar();
      expect(await signIn('hostile', browser)).toBe('/sign-in?refused=invalid');
      expect(browser.cookie(url, 'cortex_session')).toBeUndefined();
    });

    it('takes no user info of somebody else', async () => {
      hostile.idToken = (usual) => hostile.sign(usual);
      hostile.userInfo = { sub: 'alice', email: 'm@example.com', email_verified: true, groups: ['admins'] };
      expect(await signIn('hostile', new BrowserJar())).toBe('/sign-in?refused=invalid');
      hostile.userInfo.sub = 'mallory';
      expect(await signIn('hostile', new BrowserJar())).toBe('/products/1');
    });

    it('takes each answer once, in the browser that began, of the provider that was asked', async () => {
      const browser = new BrowserJar();
      const callback = await browser.follow(start('hostile'), isCallback);
      const outcome = async (who: BrowserJar, at: URL) => (await who.open(at.href)).headers.get('location');
      const other = new BrowserJar();
      await other.follow(start('hostile'), isCallback);
      expect(await outcome(other, callback)).toBe('/sign-in?refused=expired');
      expect(await outcome(new BrowserJar(), callback)).toBe('/sign-in?refused=expired');
      const elsewhere = new URL(callback.href.replace('/hostile/', '/linking/'));
      expect(await outcome(browser, elsewhere)).toBe('/sign-in?refused=expired');
      expect(await outcome(browser, callback)).toBe('/products/1');
      expect(await outcome(browser, callback)).toBe('/sign-in?refused=expired');
      const made_up = new URL(callback);
      made_up.searchParams.set('state', `state_${'x'.repeat(43)}`);
      expect(await outcome(browser, made_up)).toBe('/sign-in?refused=expired');
    });

    it('answers two uses of one answer at once with one session', async () => {
      const browser = new BrowserJar();
      const callback = await browser.follow(start('hostile'), isCallback);
      const all = await Promise.all([1, 2, 3].map(() => browser.open(callback.href)));
      const to = all.map((response) => response.headers.get('location')).sort();
      expect(to).toEqual(['/products/1', '/sign-in?refused=expired', '/sign-in?refused=expired']);
    });

    it('refuses an answer that is too late', async () => {
      const browser = new BrowserJar();
      const callback = await browser.follow(start('hostile'), isCallback);
      await test.dataSource.query('UPDATE sign_in_attempts SET expires_at = now()');
      expect((await browser.open(callback.href)).headers.get('location')).toBe('/sign-in?refused=expired');
    });

    it('leads to no other site', async () => {
      for (const away of ['https://evil.example', '//evil.example', '/\\evil.example']) {
        expect(await signIn('hostile', new BrowserJar(), away)).toBe('/products');
      }
    });

    it.each([
      ['no address', {}, 'no_email'],
      ['no address but text', { email: 'mallory', email_verified: true }, 'no_email'],
      ['an address that is not verified', { email: 'new@example.com', email_verified: false }, 'email_unverified'],
      ['an address of which nothing is said', { email: 'new@example.com' }, 'email_unverified'],
      ['an address that only says so', { email: 'new@example.com', email_verified: 'true' }, 'email_unverified'],
    ])('makes no user of %s', async (_name, claims, reason) => {
      hostile.idToken = (usual) => hostile.sign({ ...usual, sub: 'new', groups: ['admins'], ...claims });
      hostile.userInfo = { sub: 'new' };
      expect(await signIn('hostile', new BrowserJar())).toBe(`/sign-in?refused=${reason}`);
    });

    it('opens no local account by its address, unless it was told to and the address is verified', async () => {
      const admin = await test.client('admin');
      const as = (email: string, email_verified = true) => {
        hostile.idToken = (usual) => hostile.sign({ ...usual, sub: email, email, email_verified, groups: ['admins'] });
        hostile.userInfo = { sub: email };
      };
      const { body: local } = await admin('post', '/api/v1/users')
        .send({ email: 'local@example.com', role: 'viewer', password: 'correct horse battery staple' })
        .expect(201);
      await admin('post', '/api/v1/users')
        .send({ email: BREAK_GLASS, role: 'admin', password: 'correct horse battery staple' })
        .expect(201);
      as('LOCAL@example.com');
      expect(await signIn('hostile', new BrowserJar())).toBe('/sign-in?refused=email_taken');
      as('local@example.com', false);
      expect(await signIn('linking', new BrowserJar())).toBe('/sign-in?refused=email_unverified');
      as(BREAK_GLASS);
      expect(await signIn('linking', new BrowserJar())).toBe('/sign-in?refused=email_taken');
      as('local@example.com');
      const browser = new BrowserJar();
      expect(await signIn('linking', browser)).toBe('/products/1');
      expect((await me(browser)).user).toMatchObject({ id: local.id, role: 'admin' });
      await test
        .anonymous('post', '/api/v1/auth/login')
        .send({ email: 'local@example.com', password: 'correct horse battery staple' })
        .expect(401);
    });

    it('says so when the provider is away or broken', async () => {
      expect(await signIn('away', new BrowserJar())).toBe('/sign-in?refused=unavailable');
      const browser = new BrowserJar();
      const callback = await browser.follow(start('hostile'), isCallback);
      hostile.status = 500;
      expect((await browser.open(callback.href)).headers.get('location')).toBe('/sign-in?refused=unavailable');
      await test.anonymous('get', '/api/v1/auth/oidc/unknown/start').expect(404);
    });

    it('ends sessions by a logout token of the provider alone', async () => {
      const browser = new BrowserJar();
      await signIn('hostile', browser);
      const now_s = Math.floor(Date.now() / 1_000);
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      const good = { iss: hostile.issuer, aud: 'cortex', iat: now_s, sub: 'mallory', jti: '1', events };
      const logout = async (token: string) =>
        test
          .anonymous('post', '/api/v1/auth/oidc/hostile/backchannel-logout')
          .type('form')
          .send({ logout_token: token });
      const bad = [
        await hostile.forge(good),
        unsigned(good, { alg: 'none' }),
        await hostile.sign({ ...good, aud: 'another' }),
        await hostile.sign({ ...good, iss: 'http://evil.example' }),
        await hostile.sign({ ...good, events: undefined }),
        await hostile.sign({ ...good, nonce: 'n' }),
        await hostile.sign({ ...good, sub: undefined }),
        await hostile.sign({ ...good, iat: now_s - 3_600 }),
        'x',
      ];
      for (const token of bad) expect([token, (await logout(token)).status]).toEqual([token, 400]);
      // Sent again later, it ends no newer session.
      expect((await logout(await hostile.sign({ ...good, iat: now_s - 120 }))).status).toBe(200);
      expect((await me(browser)).status).toBe(200);
      expect((await logout(await hostile.sign({ ...good, sub: 'somebody' }))).status).toBe(200);
      expect((await me(browser)).status).toBe(200);
      expect((await logout(await hostile.sign(good))).status).toBe(200);
      expect((await me(browser)).status).toBe(401);
    });

    it('keeps nothing in the database that would complete a sign-in', async () => {
      const browser = new BrowserJar();
      const callback = await browser.follow(start('hostile'), isCallback);
      const state = callback.searchParams.get('state') ?? '';
      const nonce = new URL(browser.visited.at(-1) ?? '').searchParams.get('nonce') ?? '';
      const rows = JSON.stringify(await test.dataSource.query('SELECT * FROM sign_in_attempts'));
      expect(nonce.length).toBeGreaterThan(20);
      for (const secret of [state, nonce, browser.cookie(url, 'cortex_sign_in') ?? '-'])
        expect(rows).not.toContain(secret);
    });
  });
});

describe('with providers alone', () => {
  it('opens a session by a password for emergencies only', async () => {
    const test = await buildTestApp({
      public_url: 'http://localhost:8004',
      single_sign_on: {
        is_only: true,
        break_glass_email: BREAK_GLASS,
        providers: [providerOf('corp', 'http://127.0.0.1:9')],
      },
    });
    const admin = await test.client('admin');
    const password = 'correct horse battery staple';
    const other = 'other@example.com';
    for (const email of [BREAK_GLASS, other]) {
      await admin('post', '/api/v1/users').send({ email, role: 'admin', password }).expect(201);
    }
    const { body: invited } = await admin('post', '/api/v1/users')
      .send({ email: 'invited@example.com', role: 'admin', invite: true })
      .expect(201);
    const login = (email: string) => test.anonymous('post', '/api/v1/auth/login').send({ email, password });
    expect((await login(BREAK_GLASS)).status).toBe(200);
    const refused = await login(other);
    expect([refused.status, refused.body.detail]).toEqual([401, 'E-mail address or password is wrong.']);
    await test
      .anonymous('post', '/api/v1/auth/invitations/accept')
      .send({ token: invited.invitation.token, password })
      .expect(403);
    const { body } = await test.anonymous('get', '/api/v1/auth/options').expect(200);
    expect(body.password).toBe(false);
    await test.close();
  });
});

function unsigned(claims: object, header: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.`;
}
