import { type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import type { ClassConstructor } from 'class-transformer';
import { json, raw, urlencoded, type Request, type RequestHandler, type Response, Router } from 'express';
import {
  MalformedRequestError,
  MethodNotAllowedError,
  PreconditionFailedError,
  UnsupportedMediaTypeError,
  ValidationError,
} from './app-error';
import { authorize } from './authorize';
import { cleanTexts, hostileFaults } from './hostile-shape';
import { fingerprintOf, idempotencyKey, type IdempotentRequests, isIdempotent } from './idempotency';
import type { Principal } from './principal';
import type { Route, RouteContext } from './route';
import { StreamGuard } from './stream-guard';
import { UserLimits } from './user-limits';
import { UnreadableBody } from './unreadable-body';

/** Finds out who makes a request, from its cookie or bearer token; null = nobody. Throws when a credential is bad. */
export type Authenticate = (request: Request) => Promise<Principal | null>;

const MERGE_PATCH = 'application/merge-patch+json';
const NO_BYTES = Buffer.alloc(0);
/** Changes leave absent fields alone, as a merge patch does (RFC 7396). */
const type = ['application/json', MERGE_PATCH];
const readBody = json({ limit: '100kb', strict: false, type });
const readForm = urlencoded({ extended: false, limit: '100kb', parameterLimit: 100 });
const readLargeBody = json({ limit: '32mb', strict: false, type });
/** A report of ten thousand subscriptions is larger than anything a person sends. */
const readListenersBody = json({ limit: '4mb', strict: false });

/** Binds the route table to Express: authenticate → authorise → read the body → validate → handle → answer. */
export function mountRoutes({
  routes,
  authenticate,
  identifyAgain,
  strictLimiter,
  stream_recheck_ms,
  idempotentRequests,
}: {
  routes: Route[];
  authenticate: Authenticate;
  /** Who made a request that is still being answered; counts as no use of the credential. */
  identifyAgain: Authenticate;
  strictLimiter: RequestHandler;
  /** How often open streams are asked whether they still may. */
  stream_recheck_ms?: number;
  idempotentRequests: IdempotentRequests;
}): Router {
  const surroundings = {
    authenticate,
    identifyAgain,
    idempotentRequests,
    limits: new UserLimits(),
    streams: new StreamGuard(stream_recheck_ms),
  };
  const router = Router({ caseSensitive: true });
  const methodsByPath = new Map<string, string[]>();
  for (const route of routes) {
    const path = expressPath(route.path);
    methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), route.method.toUpperCase()]);
    const limiters = route.rate_limit === 'strict' ? [strictLimiter] : [];
    router[route.method](path, ...limiters, async (request, response) => {
      await runRoute({ route, request, response, ...surroundings });
    });
  }
  for (const [path, methods] of methodsByPath) {
    router.all(path, (request, response) => {
      const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
      if (request.method !== 'OPTIONS') throw new MethodNotAllowedError(allowed);
      response.set('Allow', allowed.join(', '));
      if (methods.includes('PATCH')) response.set('Accept-Patch', `application/json, ${MERGE_PATCH}`);
      response.status(204).end();
    });
  }
  return router;
}

async function runRoute({
  route,
  request,
  response,
  authenticate,
  identifyAgain,
  idempotentRequests,
  limits,
  streams,
}: {
  route: Route;
  request: Request;
  response: Response;
  authenticate: Authenticate;
  identifyAgain: Authenticate;
  idempotentRequests: IdempotentRequests;
  limits: UserLimits;
  streams: StreamGuard;
}): Promise<void> {
  response.locals.route = route.path;
  // A public route asks for nothing: a stale cookie must not keep anybody from signing in.
  const principal = route.access.kind === 'public' ? null : await authenticate(request);
  const attempt = { is_read: route.method === 'get', product_id: productIdOf(request) };
  authorize(route.access, principal, attempt);
  if (route.limit !== undefined && principal?.kind === 'user') {
    releaseAtClose(response, limits.take(route.limit, principal.id));
  }
  // Not before: nobody who isn't known makes this process hold and parse what they send.
  if (route.body !== undefined) await receiveBody(route, request, response);
  const is_listener = route.access.kind === 'listener';
  const context: RouteContext<object, object, object, never> = {
    params: validated(route.params, request.params, hostileFaults),
    query: validated(route.query, request.query, hostileFaults),
    body: is_listener
      ? validated(route.body, bodyOf(route, request), cleanTexts, 'ignored')
      : validated(route.body, bodyOf(route, request), hostileFaults),
    bytes: await bytesOf(route, request, response),
    principal: principal as never,
    request_id: String(response.locals.request_id),
    ip: request.ip ?? '',
    request,
    response,
  };
  if (request.method === 'HEAD' && route.event_stream !== undefined) {
    response.type('text/event-stream').end();
    return;
  }
  refuseExisting(route, request);
  const carryOut = () => route.handler(context);
  const key = isIdempotent(route) ? idempotencyKey(request.get('Idempotency-Key')) : undefined;
  const reply =
    key !== undefined && principal?.kind === 'user'
      ? await idempotentRequests.once({ user_id: principal.id, key, fingerprint: fingerprintOf(request) }, carryOut)
      : await carryOut();
  const recheck = async () => authorize(route.access, await identifyAgain(request), attempt);
  if (reply.kind === 'handled') {
    streams.watch(response, recheck);
    return;
  }
  // It may have waited for a minute.
  if (route.limit === 'waits') await recheck();
  response.set(reply.headers ?? {});
  if (reply.kind === 'redirect') {
    response.redirect(303, reply.location);
    return;
  }
  response.status(reply.status);
  if (reply.kind === 'empty') response.end();
  else response.json(reply.body);
}

/** Also of an answer whose caller has gone already, which is never closed again. */
function releaseAtClose(response: Response, release: () => void): void {
  if (response.destroyed) release();
  else response.once('close', release);
}

/** `If-None-Match: *` asks to make something, and these calls only change what exists (RFC 9110, 13.1.2). */
function refuseExisting({ method, creates_absent }: Route, request: Request): void {
  if (creates_absent || !['put', 'patch', 'delete'].includes(method)) return;
  if (request.get('If-None-Match')?.trim() !== '*') return;
  throw new PreconditionFailedError('If-None-Match: * was sent, and this call changes only what exists.');
}

async function receiveBody(route: Route, request: Request, response: Response): Promise<void> {
  const small = route.access.kind === 'listener' ? readListenersBody : readBody;
  const readJson = route.body_size === 'large' ? readLargeBody : small;
  const read = route.body_type === 'form' ? readForm : readJson;
  if (request.body instanceof UnreadableBody) {
    throw new MalformedRequestError(`The body is not valid JSON: ${request.body.reason}`);
  }
  return new Promise((resolve, reject) => {
    read(request, response, (error: unknown) => (error ? reject(error) : resolve()));
  });
}

/** A body of bytes; empty for routes that take none. */
async function bytesOf({ binary_body }: Route, request: Request, response: Response): Promise<Buffer> {
  if (binary_body === undefined) return NO_BYTES;
  if (!request.is('application/octet-stream')) {
    throw new UnsupportedMediaTypeError('Send the body as application/octet-stream.');
  }
  const read = raw({ type: 'application/octet-stream', limit: binary_body.max_bytes });
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error: unknown) => (error ? reject(error) : resolve()));
  });
  return Buffer.isBuffer(request.body) ? request.body : NO_BYTES;
}

function bodyOf(route: Route, request: Request): unknown {
  if (route.body === undefined) return undefined;
  const body: unknown = route.prepare_body ? route.prepare_body(request.body) : request.body;
  if (body !== undefined) return body;
  if (Number(request.headers['content-length'] ?? 0) > 0 || request.headers['transfer-encoding'] !== undefined) {
    const type = route.body_type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
    throw new UnsupportedMediaTypeError(`Send the body as ${type}.`);
  }
  if (route.body_optional) return {};
  throw new MalformedRequestError('This call needs a JSON body.');
}

function validated(
  type: ClassConstructor<object> | undefined,
  input: unknown,
  faultsOf: (input: unknown) => FieldFault[],
  unknown_fields: 'refused' | 'ignored' = 'refused',
): object {
  if (type === undefined) return {};
  const hostile = faultsOf(input);
  if (hostile.length > 0) throw new ValidationError(hostile);
  const result = validateShape(type, input, { unknown_fields });
  if (!result.ok) throw new ValidationError(result.faults);
  return result.value;
}

function productIdOf(request: Request): number | null {
  const value = request.params.product_id;
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : null;
}

/** `/products/{product_id}` → `/products/:product_id`. */
function expressPath(path: string): string {
  return path.replace(/\{([a-z_]+)\}/g, ':$1');
}
