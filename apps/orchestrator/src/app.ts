import { randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import type { Logger } from 'winston';
import { NotFoundError } from './http/app-error';
import { type Authenticate, mountRoutes } from './http/mount-routes';
import { buildOpenApi } from './http/openapi';
import { problemHandler } from './http/problem';
import type { Route } from './http/route';

export interface AppDeps {
  logger: Logger;
  version: string;
  routes: Route[];
  authenticate: Authenticate;
  strictLimiter: RequestHandler;
  /** Mounted before the API: health, metrics, job dashboard, docs page, console. */
  mounts: { path: string; handler: Router | RequestHandler }[];
  trust_proxy: string[];
}

/** The Express app, usable without a port. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', deps.trust_proxy);
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(requestContext(deps.logger));
  app.use(securityHeaders());
  for (const mount of deps.mounts) app.use(mount.path, mount.handler);
  // A report of ten thousand subscriptions is larger than anything a person sends.
  app.use('/internal', express.json({ limit: '4mb', strict: false }));
  app.use(express.json({ limit: '100kb', strict: false }));
  const openApi = buildOpenApi({ routes: deps.routes, version: deps.version });
  app.get('/api/v1/openapi.json', (_request, response) => {
    response.json(openApi);
  });
  app.use(mountRoutes(deps));
  app.use((request) => {
    throw new NotFoundError(`There is nothing at ${request.path}.`);
  });
  app.use(problemHandler(deps));
  return app;
}

/** Request id (taken over from `X-Request-Id` when it is sane) and one log line a request. */
function requestContext(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    const request_id = typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID();
    response.locals.request_id = request_id;
    response.set('X-Request-Id', request_id);
    const started = process.hrtime.bigint();
    response.once('finish', () => {
      logger.log(request.path.startsWith('/internal/') || request.path.endsWith('z') ? 'debug' : 'info', 'request', {
        request_id,
        method: request.method,
        path: request.originalUrl.split('?')[0],
        status: response.statusCode,
        duration_ms: Math.round(Number(process.hrtime.bigint() - started) / 1e5) / 10,
      });
    });
    next();
  };
}

function securityHeaders(): RequestHandler {
  return helmet({
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
    strictTransportSecurity: false,
  });
}
