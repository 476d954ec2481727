import { randomUUID } from 'node:crypto';
import type { Logger } from '@cortex-mqtt/observability';
import compression from 'compression';
import express, { type Express, type Request, type RequestHandler, type Response, type Router } from 'express';
import helmet from 'helmet';
import type { FinishedRequest } from './features/health/http-metrics';
import { NotFoundError } from './http/app-error';
import type { IdempotentRequests } from './http/idempotency';
import { type Authenticate, mountRoutes } from './http/mount-routes';
import { problemHandler } from './http/problem';
import type { Route } from './http/route';

/** A handler outside the route table; `/` takes every path. */
export interface Mount {
  path: string;
  handler: Router | RequestHandler;
}

export interface AppDeps {
  logger: Logger;
  /** Document of `/api/v1/openapi.json`. */
  open_api: object;
  routes: Route[];
  authenticate: Authenticate;
  /** Who made a request that is still being answered. */
  identifyAgain: Authenticate;
  /** How often open streams are asked whether they still may; 10 s when absent. */
  stream_recheck_ms?: number;
  strictLimiter: RequestHandler;
  idempotentRequests: IdempotentRequests;
  /** Before the API: health, metrics, the gate of a start, job dashboard, docs page. */
  mounts: Mount[];
  /** After the API: the console, which answers what nothing else does. */
  fallbacks?: Mount[];
  trust_proxy: readonly string[];
  /** Where browsers reach the console. */
  public_url?: string;
  onRequestFinished?(request: FinishedRequest): void;
}

/** The Express app, usable without a port. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', deps.trust_proxy.length === 0 ? false : [...deps.trust_proxy]);
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(requestContext(deps));
  if (deps.trust_proxy.length === 0) app.use(forwardedWarning(deps.logger));
  app.use(securityHeaders({ is_https: deps.public_url?.startsWith('https:') ?? false }));
  app.use(compression({ threshold: 1_024, filter: mayBeCompressed }));
  for (const mount of deps.mounts) app.use(mount.path, mount.handler);
  app.get('/api/v1/openapi.json', (_request, response) => {
    response.json(deps.open_api);
  });
  app.use(mountRoutes(deps));
  for (const fallback of deps.fallbacks ?? []) app.use(fallback.path, fallback.handler);
  app.use((request) => {
    throw new NotFoundError(`There is nothing at ${request.path}.`);
  });
  app.use(problemHandler(deps));
  return app;
}

/**
 * Not event streams, which forbid it themselves (`no-transform`), nor what no cache may keep: fresh credentials and payloads, whose
 * length must say nothing about them.
 */
function mayBeCompressed(request: Request, response: Response): boolean {
  if (String(response.getHeader('Cache-Control') ?? '').includes('no-store')) return false;
  return compression.filter(request, response);
}

/** Request id (taken over from `X-Request-Id` when it is sane) and one log line a request. */
function requestContext({ logger, onRequestFinished }: Pick<AppDeps, 'logger' | 'onRequestFinished'>): RequestHandler {
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    const request_id = typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID();
    response.locals.request_id = request_id;
    response.set('X-Request-Id', request_id);
    const started = performance.now();
    const { path } = request;
    response.once('close', () => {
      const duration_ms = Math.round((performance.now() - started) * 10) / 10;
      const status = response.statusCode;
      const level = /^\/internal\/|^\/(livez|healthz|readyz|metrics|assets)\b/.test(path) ? 'debug' : 'info';
      logger[level]('request', { request_id, method: request.method, path, status, duration_ms });
      const route = typeof response.locals.route === 'string' ? response.locals.route : 'other';
      onRequestFinished?.({ method: request.method, route, status, duration_ms });
    });
    next();
  };
}

/** Behind a proxy that is not trusted everybody has the proxy's address: limits of sign-in and the audit log are wrong. */
function forwardedWarning(logger: Logger): RequestHandler {
  let is_warned = false;
  return (request, _response, next) => {
    if (!is_warned && request.headers['x-forwarded-for'] !== undefined) {
      is_warned = true;
      logger.warn('X-Forwarded-For is ignored: if a proxy of yours sends it, list the proxy in TRUST_PROXY', {
        proxy: request.socket.remoteAddress,
      });
    }
    next();
  };
}

/** Features of browsers that no page of ours uses. */
const PERMISSIONS = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'usb',
].map((feature) => `${feature}=()`);

function securityHeaders({ is_https }: { is_https: boolean }): RequestHandler[] {
  const permissions: RequestHandler = (_request, response, next) => {
    response.set('Permissions-Policy', PERMISSIONS.join(', '));
    next();
  };
  const others = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        'object-src': ["'none'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'", 'data:'],
        'style-src': ["'self'"],
        'script-src': ["'self'"],
        'connect-src': ["'self'"],
      },
    },
    // Subdomains are not ours to decide about.
    strictTransportSecurity: is_https && { maxAge: 31_536_000, includeSubDomains: false },
  });
  return [permissions, others];
}
