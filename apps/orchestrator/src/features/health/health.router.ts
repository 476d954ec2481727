import type { ListenerRuntimeKind } from '../../config';
import { timingSafeEqualText } from '@cortex-mqtt/secrets';
import type { Health, Metrics } from '@cortex-mqtt/observability';
import { Router } from 'express';
import { UnauthenticatedError } from '../../http/app-error';

/**
 * `/livez` and `/healthz` need no dependency; `/readyz` names what fails, and is 503 when that is more than the queue; `/metrics` asks for
 * `METRICS_TOKEN` when there is one.
 */
export function healthRouter(deps: {
  health: Health;
  metrics: Metrics;
  metrics_token: string | undefined;
  version: string;
  git_commit: string;
  /** Whether this orchestrator starts listeners itself. */
  listener_runtime: ListenerRuntimeKind;
  /** Why this process keeps its hands off; null when it is no copy. */
  installationApart(): string | null;
}): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  router.get('/livez', (_request, response) => {
    response.json(deps.health.live());
  });
  router.get('/healthz', (_request, response) => {
    const { version, git_commit, listener_runtime } = deps;
    const apart = deps.installationApart();
    response.json({
      ...deps.health.live(),
      version,
      git_commit,
      listener_runtime,
      ...(apart === null ? {} : { installation_apart: apart }),
    });
  });
  router.get('/readyz', async (_request, response) => {
    const readiness = await deps.health.ready();
    response.status(readiness.status === 'failing' ? 503 : 200).json(readiness);
  });
  router.get('/metrics', async (request, response) => {
    if (deps.metrics_token !== undefined) {
      const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
      if (!timingSafeEqualText(given, deps.metrics_token)) {
        throw new UnauthenticatedError('This endpoint takes the bearer token of METRICS_TOKEN.');
      }
    }
    const { content_type, body } = await deps.metrics.render();
    response.set('Content-Type', content_type).send(body);
  });
  return router;
}
