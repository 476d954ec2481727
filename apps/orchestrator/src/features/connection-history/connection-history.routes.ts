import type { Request } from 'express';
import { sendEvent } from '../../http/event-stream';
import { handled, ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import type { StatusStream } from '../connection-status/status-stream';
import { ConnectionEventQuery, ConnectionEventView, UptimeView } from './connection-history.dto';
import type { ConnectionHistoryService } from './connection-history.service';

const PATH = '/api/v1/products/{product_id}/mqtt-config';
const tag = 'Status';
const VIEWER = { kind: 'role', role: 'viewer' } as const;

export function connectionHistoryRoutes({
  connectionHistory,
  statusStream,
}: {
  connectionHistory: ConnectionHistoryService;
  statusStream: StatusStream;
}): Route[] {
  return [
    route({
      method: 'get',
      path: `${PATH}/events`,
      operation_id: 'listEvents',
      summary: 'What happened to the connections of a product, newest first',
      description: 'Kept for 30 days, 10,000 of a product at most.',
      tag,
      access: VIEWER,
      params: ProductParams,
      query: ConnectionEventQuery,
      response: { page: ConnectionEventView },
      handler: async ({ params, query }) => ok(await connectionHistory.list(params.product_id, query)),
    }),
    route({
      method: 'get',
      path: `${PATH}/events/stream`,
      operation_id: 'streamEvents',
      event_stream: '`connection-event`: a ConnectionEventView, with its id.',
      summary: 'New events as server-sent events',
      description: 'An `event: connection-event` each. With `Last-Event-ID` those since then come first.',
      tag,
      access: VIEWER,
      limit: 'streams',
      params: ProductParams,
      handler: async ({ params, request, response }) => {
        const { product_id } = params;
        const newest = await connectionHistory.newestId(product_id);
        let told = lastEventId(request) ?? newest;
        const tellNew = async (): Promise<void> => {
          for (;;) {
            const events = await connectionHistory.after(product_id, told);
            for (const event of events) sendEvent(response, 'connection-event', event, event.id);
            told = events.at(-1)?.id ?? told;
            if (events.length === 0 || response.destroyed) return;
          }
        };
        // One after the other: the missed ones and the first new ones must not be told twice.
        let telling: Promise<void> = Promise.resolve();
        const update = (): Promise<void> => {
          telling = telling.catch(() => undefined).then(tellNew);
          return telling;
        };
        statusStream.follow(product_id, response, update);
        await update();
        return handled();
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/uptime`,
      operation_id: 'getUptime',
      summary: 'How long the product was connected in the last 24 hours, 7 and 30 days',
      description:
        'Connected: at least one listener was. A listener that is stopped or silent counts as disconnected, from its last ' +
        'heartbeat on. Time before the first thing known of the product is unknown and in neither.',
      tag,
      access: VIEWER,
      params: ProductParams,
      response: UptimeView,
      handler: async ({ params }) => ok(await connectionHistory.uptime(params.product_id)),
    }),
  ];
}

function lastEventId(request: Request): number | null {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null;
}
