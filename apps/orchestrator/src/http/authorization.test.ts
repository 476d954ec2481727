import { randomUUID } from 'node:crypto';
import { buildTestApp, type Client, type TestApp } from '../testing/build-test-app';
import type { Access } from './principal';
import type { Route } from './route';

const CALLERS = [
  'nobody',
  'viewer',
  'operator without grant',
  'operator with grant',
  'admin',
  'listener of this product',
  'listener of another product',
] as const;
type Caller = (typeof CALLERS)[number];
type Outcome = 'unauthenticated' | 'forbidden' | 'let in';

/**
 * Every path × method must stand here with who may call it. A route that is missing here, or stands here and is gone, is a
 * failure: nobody adds a route without saying who may use it.
 */
const RULES: Record<string, 'public' | 'signed-in' | 'viewer' | 'operator' | 'admin' | 'listener'> = {
  'post /api/v1/auth/login': 'public',
  'post /api/v1/auth/logout': 'signed-in',
  'get /api/v1/auth/me': 'signed-in',
  'post /api/v1/auth/password': 'signed-in',
  'get /api/v1/api-tokens': 'signed-in',
  'post /api/v1/api-tokens': 'signed-in',
  'delete /api/v1/api-tokens/{id}': 'signed-in',
  'get /api/v1/users': 'admin',
  'post /api/v1/users': 'admin',
  'get /api/v1/users/{id}': 'admin',
  'patch /api/v1/users/{id}': 'admin',
  'delete /api/v1/users/{id}': 'admin',
  'get /api/v1/products': 'viewer',
  'post /api/v1/products': 'admin',
  'get /api/v1/products/{product_id}': 'viewer',
  'patch /api/v1/products/{product_id}': 'operator',
  'delete /api/v1/products/{product_id}': 'admin',
  'get /api/v1/products/{product_id}/mqtt-config': 'viewer',
  'put /api/v1/products/{product_id}/mqtt-config': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/test': 'operator',
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
  'get /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'viewer',
  'put /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'operator',
  'delete /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions/dry-run': 'operator',
  'post /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}/dry-run': 'operator',
  'get /api/v1/action-types': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/status': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/status/stream': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/events': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/events/stream': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/uptime': 'viewer',
  'get /api/v1/products/{product_id}/metrics': 'viewer',
  'get /api/v1/overview': 'viewer',
  'get /api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}/recent-messages': 'viewer',
  'get /api/v1/products/{product_id}/deliveries': 'viewer',
  'get /api/v1/products/{product_id}/deliveries/counts': 'viewer',
  'post /api/v1/products/{product_id}/deliveries/retry': 'operator',
  'post /api/v1/products/{product_id}/deliveries/purge': 'operator',
  'get /api/v1/products/{product_id}/deliveries/{delivery_id}': 'viewer',
  'post /api/v1/products/{product_id}/deliveries/{delivery_id}/retry': 'operator',
  'delete /api/v1/products/{product_id}/deliveries/{delivery_id}': 'operator',
  'get /api/v1/products/{product_id}/operations/{id}': 'viewer',
  'post /api/v1/products/{product_id}/mqtt-config/reconnect': 'operator',
  'get /api/v1/products/{product_id}/mqtt-config/reconnect/{id}': 'viewer',
  'get /api/v1/products/{product_id}/secrets': 'viewer',
  'post /api/v1/products/{product_id}/secrets': 'operator',
  'put /api/v1/products/{product_id}/secrets/{name}': 'operator',
  'delete /api/v1/products/{product_id}/secrets/{name}': 'operator',
  'get /api/v1/products/{product_id}/listener-tokens': 'operator',
  'post /api/v1/products/{product_id}/listener-tokens': 'operator',
  'delete /api/v1/products/{product_id}/listener-tokens/{id}': 'operator',
  'get /api/v1/products/{product_id}/audit-logs': 'viewer',
  'get /api/v1/audit-logs': 'admin',
  'get /internal/v1/mqtt-config': 'listener',
  'post /internal/mqtt-status': 'listener',
  'get /internal/v1/connection-tests/{id}': 'listener',
  'post /internal/v1/connection-tests/{id}/stages': 'listener',
};

const ORDER = ['viewer', 'operator', 'admin'];

function expected(route: Route, caller: Caller): Outcome {
  const rule = RULES[nameOf(route)];
  if (rule === 'public') return 'let in';
  if (caller === 'nobody') return 'unauthenticated';
  const is_listener = caller.startsWith('listener');
  // A listener's token says which product it is for: the routes take no product, so it can't ask for another's.
  if (rule === 'listener') return is_listener ? 'let in' : 'forbidden';
  if (is_listener) return 'forbidden';
  if (rule === 'signed-in' || caller === 'admin') return 'let in';
  const role = caller === 'viewer' ? 'viewer' : 'operator';
  if (rule === undefined || ORDER.indexOf(role) < ORDER.indexOf(rule)) return 'forbidden';
  if (rule === 'operator' && caller === 'operator without grant') return 'forbidden';
  return 'let in';
}

const nameOf = (route: Route): string => `${route.method} ${route.path}`;
const kindOf = (access: Access): string => (access.kind === 'role' ? access.role : access.kind);

describe('authorisation of every route', () => {
  let test: TestApp;
  let routes: Route[];
  const clients = new Map<Caller, Client>();
  let product_id: number;

  beforeAll(async () => {
    // Handlers are cut off: only who gets as far as the handler is asked here.
    test = await buildTestApp();
    routes = test.features.routes;
    const product = await test.product();
    const other = await test.product();
    product_id = product.id;
    clients.set('nobody', test.anonymous);
    clients.set('viewer', await test.client('viewer'));
    clients.set('operator without grant', await test.client('operator', [other.id]));
    clients.set('operator with grant', await test.client('operator', [product.id]));
    clients.set('admin', await test.client('admin'));
    clients.set('listener of this product', await test.listener(product.id));
    clients.set('listener of another product', await test.listener(other.id));
  });

  afterAll(() => test.close());

  it('has a rule for each route, and no rule without one', () => {
    expect(Object.keys(RULES).sort()).toEqual(routes.map(nameOf).sort());
    for (const route of routes)
      expect([nameOf(route), kindOf(route.access)]).toEqual([nameOf(route), RULES[nameOf(route)]]);
  });

  it.each(CALLERS)('lets %s do what the rules say and nothing else', async (caller) => {
    const client = clients.get(caller) as Client;
    const wrong: string[] = [];
    for (const route of routes) {
      const original = route.handler;
      let reached = false;
      route.handler = async () => {
        reached = true;
        return { kind: 'empty', status: 204 };
      };
      const { params, query, body } = route;
      Object.assign(route, { params: undefined, query: undefined, body: undefined });
      const path = route.path
        .replace('{product_id}', String(product_id))
        .replace('{sub_id}', '1')
        .replace('{name}', 'TOKEN')
        .replace('{id}', route.path.includes('reconnect') || route.path.includes('tests') ? randomUUID() : '1');
      const { status } = await client(route.method, path);
      Object.assign(route, { handler: original, params, query, body });
      const outcome: Outcome | number = reached
        ? 'let in'
        : status === 401
          ? 'unauthenticated'
          : status === 403
            ? 'forbidden'
            : (status as never);
      const should = expected(route, caller);
      if (outcome !== should) wrong.push(`${nameOf(route)}: ${outcome} (${status}), should be ${should}`);
    }
    expect(wrong).toEqual([]);
  });

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
    expect(read.body.errors).toContainEqual({ field: 'name', message: 'is not a known field' });
    const { body } = await listener('post', '/internal/mqtt-status').send(of_bytes(4_300_000)).expect(413);
    expect(body.detail).toBe('The body may have 4096 kB.');
    await admin('post', '/api/v1/products').send(of_bytes(110_000)).expect(413);
  });

  it('lets an administrator and a granted operator do what a stranger may not', () => {
    // The test above would also pass if expected() let everybody in.
    const put = routes.find((route) => nameOf(route) === 'put /api/v1/products/{product_id}/mqtt-config') as Route;
    expect(CALLERS.map((caller) => expected(put, caller))).toEqual([
      'unauthenticated',
      'forbidden',
      'forbidden',
      'let in',
      'let in',
      'forbidden',
      'forbidden',
    ]);
  });
});
