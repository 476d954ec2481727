import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { queueNames } from '@cortex-mqtt/contracts';
import type { QueueBackend } from '@cortex-mqtt/queues';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { DataSource } from 'typeorm';
import { actorOf, recordAudit } from '../features/audit/audit-trail';
import { isWrite, requireOwnPage } from '../features/auth/same-origin';
import { ForbiddenError, UnauthenticatedError } from '../http/app-error';
import { authorize } from '../http/authorize';
import type { Authenticate } from '../http/mount-routes';
import type { UserPrincipal } from '../http/principal';

/** Where the board is mounted; its own links are built on it. */
export const DASHBOARD_PATH = '/admin/queues';
/** Milliseconds for which a list of queues is good: the board asks every few seconds. */
const LIST_FOR_MS = 2_000;

export interface JobDashboardDeps {
  queues: QueueBackend;
  dataSource: DataSource;
  /** Who asks, without a look at the CSRF token, which the board's page cannot send. */
  identify: Authenticate;
  public_url: string | undefined;
}

/** bull-board for administrators, over every queue there is, those made later included. */
export function jobDashboard(deps: JobDashboardDeps): Router {
  const adapter = new OfflineExpressAdapter();
  adapter.setBasePath(DASHBOARD_PATH);
  const board = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'cortex-mqtt jobs' } },
  });
  const refresh = queueRefresher(deps.queues, (found) => board.replaceQueues(found));
  const router = Router();
  router.use(boardSecurityPolicy);
  router.use(requireAdmin(deps));
  router.use(audited(deps.dataSource));
  router.use(async (request, _response, next) => {
    if (!request.path.startsWith('/static/')) await refresh();
    next();
  });
  router.use(adapter.getRouter());
  return router;
}

/** The page of bull-board names a font on a foreign server, which nobody here wants to ask. */
class OfflineExpressAdapter extends ExpressAdapter {
  override setEntryRoute(entry: Parameters<ExpressAdapter['setEntryRoute']>[0]): this {
    this.app[entry.method](entry.route, (_request: Request, response: Response, next: (error?: unknown) => void) => {
      const { name, params } = entry.handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      response.render(name, params, (error: Error | null, html: string) => {
        if (error) next(error);
        else response.type('html').send(html.replace(/<link href="https:\/\/[^>]*>\s*/g, ''));
      });
    });
    return this;
  }
}

/** Queues by name, opened once. */
function queueRefresher(queues: QueueBackend, replace: (found: BullMQAdapter[]) => void): () => Promise<void> {
  const adapters = new Map<string, BullMQAdapter>();
  let good_until = 0;
  let running: Promise<void> | null = null;

  async function look(): Promise<void> {
    const names = new Set([...(await queues.listQueueNames()), queueNames.connectionTests()]);
    for (const name of names) {
      if (!adapters.has(name)) adapters.set(name, new BullMQAdapter(await queues.queue(name).bull()));
    }
    for (const name of adapters.keys()) if (!names.has(name)) adapters.delete(name);
    replace(
      [...adapters].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([, adapter]) => adapter),
    );
    good_until = Date.now() + LIST_FOR_MS;
  }

  return async () => {
    if (Date.now() < good_until) return;
    running ??= look().finally(() => {
      running = null;
    });
    await running;
  };
}

/** The board sets style attributes; scripts come from here only, and nothing is asked elsewhere. */
const boardSecurityPolicy: RequestHandler = (_request, response, next) => {
  response.set(
    'Content-Security-Policy',
    "default-src 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
  );
  response.set('Cache-Control', 'no-store');
  next();
};

function requireAdmin({ identify, public_url }: JobDashboardDeps): RequestHandler {
  return async (request, response, next) => {
    const principal = await identify(request);
    if (principal === null) {
      if (request.method === 'GET' && request.accepts(['json', 'html']) === 'html') {
        response.redirect(302, `/?next=${encodeURIComponent(DASHBOARD_PATH)}`);
        return;
      }
      throw new UnauthenticatedError('Sign in as an administrator.');
    }
    if (principal.kind !== 'user' || principal.role !== 'admin') {
      throw new ForbiddenError('The job dashboard is for administrators.');
    }
    authorize({ kind: 'role', role: 'admin' }, principal, { is_read: !isWrite(request), product_id: null });
    if (principal.via === 'session' && isWrite(request)) requireOwnPage(request, public_url);
    response.locals.principal = principal;
    next();
  };
}

/** What an administrator does to jobs is written down like any other change. */
function audited(dataSource: DataSource): RequestHandler {
  return async (request, response, next) => {
    if (isWrite(request)) {
      const principal = response.locals.principal as UserPrincipal;
      const queue = /\/queues\/([^/]+)/.exec(request.path)?.[1] ?? null;
      await recordAudit(dataSource.manager, {
        actor: actorOf({ principal, ip: request.ip ?? '', request_id: String(response.locals.request_id) }),
        action: 'queue.manage',
        entity_type: 'queue',
        entity_id: queue === null ? null : decodeURIComponent(queue),
        product_id: productOf(queue),
        after: { request: `${request.method} ${request.path}` },
      });
    }
    next();
  };
}

/** `deliveries-7` and `control-7-…` belong to product 7. */
function productOf(queue: string | null): number | null {
  const id = /^(?:deliveries|control)-(\d{1,10})(?:-|$)/.exec(queue ?? '')?.[1];
  return id === undefined ? null : Number(id);
}
