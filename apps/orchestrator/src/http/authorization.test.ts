import { randomUUID } from 'node:crypto';
import { hashToken } from '@cortex-mqtt/secrets';
import { buildTestApp, type Client, type TestApp } from '../testing/build-test-app';
import { startHttpCalls } from '../testing/http-calls';
import type { Access, Scope } from './principal';
import type { Route } from './route';

/** What of a caller decides: role, grant, and the state and limits of the credential. */
interface Caller {
  role: 'nobody' | 'viewer' | 'operator' | 'admin' | 'listener';
  /** Products that are granted; an administrator needs none. */
  grant?: 'all' | 'this' | 'other' | 'none';
  payloads?: boolean;
  credential: 'none' | 'token' | 'session' | 'expired' | 'revoked' | 'ended session' | 'disabled user' | 'unknown';
  scopes?: Scope[];
  /** The API token is limited to this product, or to the other one. */
  limit?: 'this' | 'other';
}
type Outcome = 'unauthenticated' | 'forbidden' | 'not found' | 'let in';

const PEOPLE = (['viewer', 'operator'] as const).flatMap((role) =>
  (['all', 'this', 'other', 'none'] as const).map((grant) => ({ role, grant })),
);
const CALLERS: Caller[] = [
  { role: 'nobody', credential: 'none' },
  { role: 'nobody', credential: 'unknown' },
  ...(['viewer', 'operator', 'admin'] as const).flatMap((role): Caller[] =>
    (['expired', 'revoked', 'ended session', 'disabled user'] as const).map((credential) => ({
      role,
      grant: 'this',
      credential,
    })),
  ),
  ...[...PEOPLE, { role: 'admin' } as const].flatMap((person): Caller[] => [
    { ...person, credential: 'token' },
    { ...person, credential: 'session' },
    { ...person, credential: 'token', limit: 'this' },
    { ...person, credential: 'token', limit: 'other' },
  ]),
  ...(['viewer', 'operator', 'admin'] as const).flatMap((role): Caller[] =>
    ([['read'], ['read', 'write'], ['tokens']] as Scope[][]).map((scopes) => ({
      role,
      grant: 'this',
      credential: 'token',
      scopes,
    })),
  ),
  { role: 'viewer', grant: 'all', payloads: true, credential: 'token' },
  { role: 'viewer', grant: 'this', payloads: true, credential: 'session' },
  { role: 'viewer', grant: 'other', payloads: true, credential: 'session' },
  ...(['this', 'other'] as const).flatMap((grant): Caller[] => [
    { role: 'listener', grant, credential: 'token' },
    { role: 'listener', grant, credential: 'expired' },
    { role: 'listener', grant, credential: 'revoked' },
  ]),
];

/**
 * Every path × method must stand here with who may call it. A route that is missing here, or stands here and is gone, is a
 * failure: nobody adds a route without saying who may use it.
 */
type Rule = 'public' | 'signed-in' | 'viewer' | 'viewer of payloads' | 'operator' | 'admin' | 'listener';
const RULES: Record<string, Rule> = {
  'post /api/v1/auth/login': 'public',
  'post /api/v1/auth/logout': 'signed-in',
  'get /api/v1/auth/me': 'signed-in',
  'post /api/v1/auth/password': 'signed-in',
  'get /api/v1/auth/sessions': 'signed-in',
  'delete /api/v1/auth/sessions/{id}': 'signed-in',
  'post /api/v1/auth/invitations/read': 'public',
  'post /api/v1/auth/invitations/accept': 'public',
  'get /api/v1/auth/options': 'public',
  'get /api/v1/auth/oidc/{provider}/start': 'public',
  'get /api/v1/auth/oidc/{provider}/callback': 'public',
  'post /api/v1/auth/oidc/{provider}/backchannel-logout': 'public',
  'get /api/v1/api-tokens': 'signed-in',
  'post /api/v1/api-tokens': 'signed-in',
  'get /api/v1/api-tokens/{id}': 'signed-in',
  'delete /api/v1/api-tokens/{id}': 'signed-in',
  'get /api/v1/users': 'admin',
  'post /api/v1/users': 'admin',
  'get /api/v1/users/{id}': 'admin',
  'patch /api/v1/users/{id}': 'admin',
  'delete /api/v1/users/{id}': 'admin',
  'post /api/v1/users/{id}/invitation': 'admin',
  'get /api/v1/products': 'viewer',
  'post /api/v1/products': 'admin',
  'get /api/v1/products/{product_id}': 'viewer',
  'patch /api/v1/products/{product_id}': 'operator',
  'delete /api/v1/products/{product_id}': 'admin',
  'get /api/v1/products/{product_id}/mqtt-config': 'viewer',
  'put /api/v1/products/{product_id}/mqtt-config': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/test': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/discover': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/test-message': 'operator',
  'get /api/v1/products/{product_id}/brokers': 'viewer',
  'post /api/v1/products/{product_id}/brokers': 'operator',
  'put /api/v1/products/{product_id}/brokers/order': 'operator',
  'get /api/v1/products/{product_id}/brokers/{id}': 'viewer',
  'put /api/v1/products/{product_id}/brokers/{id}': 'operator',
  'delete /api/v1/products/{product_id}/brokers/{id}': 'operator',
  'post /api/v1/products/{product_id}/brokers/{id}/test': 'operator',
  'get /api/v1/subscriptions': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/subscriptions': 'viewer',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions/bulk': 'operator',
  'get /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'viewer',
  'put /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'operator',
  'delete /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions/dry-run': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}/dry-run': 'operator',
  'get /api/v1/action-types': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/status': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/status/stream': 'viewer',
  'get /api/v1/products/{product_id}/scaling': 'viewer',
  'get /api/v1/products/{product_id}/listener-containers': 'viewer of payloads',
  'get /api/v1/products/{product_id}/mqtt-config/events': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/events/stream': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/uptime': 'viewer',
  'get /api/v1/left-sessions': 'viewer',
  'delete /api/v1/left-sessions/{id}': 'admin',
  'post /api/v1/products/{product_id}/left-sessions': 'operator',
  'post /internal/v1/left-sessions/{id}/claim': 'listener',
  'post /internal/v1/left-sessions/{id}/outcome': 'listener',
  'get /api/v1/products/{product_id}/metrics': 'viewer',
  'get /api/v1/overview': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}/recent-messages': 'viewer of payloads',
  'get /api/v1/products/{product_id}/messages': 'viewer',
  'get /api/v1/products/{product_id}/messages/usage': 'viewer',
  'get /api/v1/products/{product_id}/messages/stream': 'viewer',
  'get /api/v1/products/{product_id}/messages/{message_id}': 'viewer',
  'get /api/v1/products/{product_id}/topics': 'viewer',
  'get /api/v1/products/{product_id}/replays': 'viewer of payloads',
  'post /api/v1/products/{product_id}/replays': 'operator',
  'get /api/v1/products/{product_id}/replays/{id}': 'viewer of payloads',
  'patch /api/v1/products/{product_id}/replays/{id}': 'operator',
  'post /api/v1/products/{product_id}/replays/{id}/start': 'operator',
  'post /api/v1/products/{product_id}/replays/{id}/pause': 'operator',
  'post /api/v1/products/{product_id}/replays/{id}/resume': 'operator',
  'post /api/v1/products/{product_id}/replays/{id}/cancel': 'operator',
  'post /internal/v1/message-segments': 'listener',
  'get /api/v1/products/{product_id}/deliveries': 'viewer',
  'get /api/v1/products/{product_id}/deliveries/counts': 'viewer',
  'post /api/v1/products/{product_id}/deliveries/retry': 'operator',
  'post /api/v1/products/{product_id}/deliveries/purge': 'operator',
  'get /api/v1/products/{product_id}/deliveries/{delivery_id}': 'viewer of payloads',
  'post /api/v1/products/{product_id}/deliveries/{delivery_id}/retry': 'operator',
  'delete /api/v1/products/{product_id}/deliveries/{delivery_id}': 'operator',
  'get /api/v1/products/{product_id}/operations/{id}': 'viewer',
  'post /api/v1/products/{product_id}/mqtt-config/reconnect': 'operator',
  'get /api/v1/products/{product_id}/mqtt-config/reconnect/{id}': 'viewer',
  'get /api/v1/products/{product_id}/secrets': 'viewer',
  'post /api/v1/products/{product_id}/secrets': 'operator',
  'get /api/v1/products/{product_id}/secrets/{name}': 'viewer',
  'put /api/v1/products/{product_id}/secrets/{name}': 'operator',
  'delete /api/v1/products/{product_id}/secrets/{name}': 'operator',
  'get /api/v1/products/{product_id}/listener-tokens': 'operator',
  'post /api/v1/products/{product_id}/listener-tokens': 'operator',
  'get /api/v1/products/{product_id}/listener-tokens/{id}': 'operator',
  'delete /api/v1/products/{product_id}/listener-tokens/{id}': 'operator',
  'get /api/v1/products/{product_id}/audit-logs': 'viewer',
  'get /api/v1/audit-logs': 'admin',
  'get /api/v1/products/{product_id}/destinations': 'viewer',
  'post /api/v1/products/{product_id}/destinations/{destination_id}/try-now': 'operator',
  'post /api/v1/products/{product_id}/destinations/{destination_id}/close-breaker': 'operator',
  'get /api/v1/alert-channels': 'operator',
  'post /api/v1/alert-channels': 'admin',
  'get /api/v1/alert-channels/{id}': 'operator',
  'put /api/v1/alert-channels/{id}': 'admin',
  'patch /api/v1/alert-channels/{id}': 'admin',
  'delete /api/v1/alert-channels/{id}': 'admin',
  'post /api/v1/alert-channels/{id}/test': 'admin',
  'get /api/v1/alert-rules': 'viewer',
  'post /api/v1/alert-rules': 'operator',
  'post /api/v1/alert-rules/preview': 'viewer',
  'get /api/v1/alert-rules/{id}': 'viewer',
  'put /api/v1/alert-rules/{id}': 'operator',
  'patch /api/v1/alert-rules/{id}': 'operator',
  'delete /api/v1/alert-rules/{id}': 'operator',
  'get /api/v1/alert-settings': 'admin',
  'put /api/v1/alert-settings': 'admin',
  'get /api/v1/incidents': 'viewer',
  'get /api/v1/incidents/{id}': 'viewer',
  'post /api/v1/incidents/{id}/acknowledge': 'operator',
  'post /api/v1/incidents/{id}/mute': 'operator',
  'post /api/v1/incidents/{id}/comment': 'operator',
  'get /api/v1/incident-links/{token}': 'public',
  'post /api/v1/incident-links/{token}': 'public',
  'get /api/v1/maintenance-windows': 'viewer',
  'post /api/v1/maintenance-windows': 'operator',
  'get /api/v1/maintenance-windows/{id}': 'viewer',
  'patch /api/v1/maintenance-windows/{id}': 'operator',
  'delete /api/v1/maintenance-windows/{id}': 'operator',
  'get /api/v1/config/export': 'viewer',
  'get /api/v1/config/schema': 'signed-in',
  'get /api/v1/config/drift': 'viewer',
  'post /api/v1/config/plan': 'viewer',
  'post /api/v1/config/apply': 'operator',
  'delete /api/v1/products/{product_id}/managed-by': 'admin',
  'get /internal/v1/mqtt-config': 'listener',
  'post /internal/mqtt-status': 'listener',
  'get /internal/v1/connection-tests/{id}': 'listener',
  'post /internal/v1/connection-tests/{id}/stages': 'listener',
};

/** Calls that make or end credentials. */
const TAKES_TOKENS_SCOPE = new Set([
  'post /api/v1/auth/password',
  'delete /api/v1/auth/sessions/{id}',
  'post /api/v1/api-tokens',
  'delete /api/v1/api-tokens/{id}',
  'post /api/v1/users',
  'patch /api/v1/users/{id}',
  'delete /api/v1/users/{id}',
  'post /api/v1/users/{id}/invitation',
]);
const ORDER = ['viewer', 'operator', 'admin'];
const GOOD = ['token', 'session'];

/** Written down apart from the code under test, from what the documentation promises. */
function expected(route: Route, caller: Caller): Outcome {
  const name = nameOf(route);
  const rule = RULES[name];
  if (rule === undefined) throw new Error(`no rule for ${name}`);
  if (rule === 'public') return 'let in';
  if (caller.role === 'nobody' || !GOOD.includes(caller.credential)) return 'unauthenticated';
  // A listener's token says which product it is for: the routes take no product, so it can't ask for another's.
  if (rule === 'listener') return caller.role === 'listener' ? 'let in' : 'forbidden';
  if (caller.role === 'listener') return 'forbidden';
  const scope = TAKES_TOKENS_SCOPE.has(name) ? 'tokens' : route.method === 'get' ? 'read' : 'write';
  if (caller.scopes !== undefined && !caller.scopes.includes(scope)) return 'forbidden';
  if (rule === 'signed-in') return 'let in';
  const of_product = route.path.includes('{product_id}');
  const is_granted = caller.role === 'admin' || caller.grant === 'all' || caller.grant === 'this';
  if (of_product && !(is_granted && caller.limit !== 'other')) return 'not found';
  const needed = rule === 'viewer of payloads' ? 'viewer' : rule;
  if (ORDER.indexOf(caller.role) < ORDER.indexOf(needed)) return 'forbidden';
  if (rule === 'admin' && !of_product && caller.limit !== undefined) return 'forbidden';
  if (rule === 'viewer of payloads' && caller.role === 'viewer' && caller.payloads !== true) return 'forbidden';
  return 'let in';
}

const nameOf = (route: Route): string => `${route.method} ${route.path}`;

function kindOf(access: Access): string {
  if (access.kind !== 'role') return access.kind;
  return access.payloads ? `${access.role} of payloads` : access.role;
}

describe('authorisation of every route', () => {
  let test: TestApp;
  let routes: Route[];
  let product_id: number;
  let other_id: number;

  beforeAll(async () => {
    test = await buildTestApp({ checks_contract: false });
    routes = test.features.routes;
    product_id = (await test.product()).id;
    other_id = (await test.product()).id;
  });

  afterAll(() => test.close());

  /** Headers with which the caller comes; a session's with its CSRF token. */
  async function headersOf(caller: Caller): Promise<Record<string, string>> {
    const ids = { all: [], none: [], this: [product_id], other: [other_id] };
    if (caller.role === 'nobody') return caller.credential === 'none' ? {} : bearer('cma_unknown');
    if (caller.role === 'listener') {
      const { token } = await test.listener(caller.grant === 'this' ? product_id : other_id);
      await spoil(caller, 'listener_tokens', hashToken(token));
      return bearer(token);
    }
    const user = await test.client(caller.role, ids[caller.grant ?? 'none'], {
      all_products: caller.grant === 'all',
      may_read_payloads: caller.payloads ?? false,
      ...(caller.scopes === undefined ? {} : { scopes: caller.scopes }),
      ...(caller.limit === undefined ? {} : { token_product_ids: [caller.limit === 'this' ? product_id : other_id] }),
    });
    if (caller.credential.endsWith('session')) {
      const { headers } = await test.session(user.user_id);
      if (caller.credential === 'ended session') await test.dataSource.query('UPDATE sessions SET expires_at = now()');
      return headers;
    }
    if (caller.credential === 'disabled user') {
      await test.dataSource.query('UPDATE users SET disabled = true WHERE id = $1', [user.user_id]);
    }
    await spoil(caller, 'api_tokens', hashToken(user.token));
    return bearer(user.token);
  }

  const pathOf = (route: Route): string =>
    route.path
      .replace('{product_id}', String(product_id))
      .replace('{sub_id}', '1')
      .replace('{name}', 'TOKEN')
      .replace('{id}', route.path.includes('reconnect') || route.path.includes('tests') ? randomUUID() : '1');

  async function spoil({ credential }: Caller, table: string, hash: string): Promise<void> {
    const column = { expired: 'expires_at', revoked: 'revoked_at' }[credential as string];
    if (column === undefined) return;
    await test.dataSource.query(`UPDATE ${table} SET ${column} = now() WHERE token_hash = $1`, [hash]);
  }

  it('has a rule for each route, and no rule without one', () => {
    expect(Object.keys(RULES).sort()).toEqual(routes.map(nameOf).sort());
    for (const route of routes)
      expect([nameOf(route), kindOf(route.access)]).toEqual([nameOf(route), RULES[nameOf(route)]]);
  });

  it('lets each caller do what the rules say and nothing else', async () => {
    // Handlers are cut off: only who gets as far as the handler is asked here.
    const kept = routes.map((route) => ({ ...route }));
    const cut: Partial<Route> = {
      handler: async () => ({ kind: 'empty', status: 204 }),
      params: undefined,
      query: undefined,
      body: undefined,
      binary_body: undefined,
      limit: undefined,
    };
    for (const route of routes) Object.assign(route, cut);
    const calls = await startHttpCalls(test.app, { connections: 8, limit_ms: 30_000 });
    const wrong: string[] = [];
    for (const caller of CALLERS) {
      const headers = await headersOf(caller);
      await Promise.all(
        routes.map(async (route) => {
          const { status } = await calls.send({ method: route.method, path: pathOf(route), headers });
          const outcome = OUTCOMES[status] ?? status;
          const should = expected(route, caller);
          if (outcome === should) return;
          wrong.push(`${describeCaller(caller)}, ${nameOf(route)}: ${outcome}, should be ${should}`);
        }),
      );
    }
    calls.close();
    for (const [index, route] of routes.entries()) Object.assign(route, kept[index]);
    expect(wrong).toEqual([]);
  }, 120_000);

  it('takes a product’s listener to its own product whatever it sends along', async () => {
    const other = await test.product();
    const listener = await test.listener(other.id);
    const { body } = await listener('get', `/internal/v1/mqtt-config?product_id=${product_id}`).expect(200);
    expect(body.product_id).toBe(other.id);
  });

  it.each(['/internal/mqtt-status', '/api/v1/products'])('reads nothing that a stranger sends to %s', async (path) => {
    const broken = (caller: Client) =>
      caller('post', path).set('Content-Type', 'application/json').send('{"product": ');
    await broken(test.anonymous).expect(401);
    await broken(test.bearer('cml_wrong')).expect(401);
    const known = path.startsWith('/internal') ? await test.listener(product_id) : await test.client('admin');
    await broken(known).expect(400);
  });

  it('takes up to 4 MB of a listener, and 100 kB of anybody else', async () => {
    const listener = await test.listener(product_id);
    const admin = await test.client('admin');
    const of_bytes = (bytes: number) => ({ name: 'x'.repeat(bytes) });
    const read = await listener('post', '/internal/mqtt-status').send(of_bytes(3_000_000)).expect(400);
    expect(read.body.errors).toContainEqual({ field: 'instance_id', message: 'is required' });
    const { body } = await listener('post', '/internal/mqtt-status').send(of_bytes(4_300_000)).expect(413);
    expect(body.detail).toBe('The body may have 4096 kB.');
    await admin('post', '/api/v1/products').send(of_bytes(110_000)).expect(413);
  });

  it('lets an administrator and a granted operator do what a stranger may not', () => {
    // The test above would also pass if expected() let everybody in.
    const put = routes.find((route) => nameOf(route) === 'put /api/v1/products/{product_id}/mqtt-config') as Route;
    const outcomes = (
      [
        { role: 'nobody', credential: 'none' },
        { role: 'viewer', grant: 'this', credential: 'token' },
        { role: 'operator', grant: 'other', credential: 'token' },
        { role: 'operator', grant: 'this', credential: 'token' },
        { role: 'operator', grant: 'this', credential: 'token', scopes: ['read'] },
        { role: 'admin', credential: 'token', limit: 'other' },
        { role: 'admin', credential: 'session' },
        { role: 'listener', grant: 'this', credential: 'token' },
      ] satisfies Caller[]
    ).map((caller) => expected(put, caller));
    expect(outcomes).toEqual([
      'unauthenticated',
      'forbidden',
      'not found',
      'let in',
      'forbidden',
      'not found',
      'let in',
      'forbidden',
    ]);
  });
});

const OUTCOMES: Record<number, Outcome> = {
  204: 'let in',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not found',
};

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

function describeCaller({ role, grant, payloads, credential, scopes, limit }: Caller): string {
  const parts = [
    role,
    ...(grant === undefined ? [] : [`granted ${grant}`]),
    ...(payloads === undefined ? [] : ['with payloads']),
    `by ${credential}`,
    ...(scopes === undefined ? [] : [`for ${scopes.join(' and ')}`]),
    ...(limit === undefined ? [] : [`limited to ${limit}`]),
  ];
  return parts.join(', ');
}
