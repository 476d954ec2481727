import { PageQuery } from '../../http/pagination';
import { productsOf } from '../../http/principal';
import { accepted, noContent, ok, type Route, route } from '../../http/route';
import { IdParams, ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { LeftSessionClaimDto, LeftSessionOutcomeDto } from './left-session.dto';
import type { LeftSessionService } from './left-session.service';
import { LeftSessionsView, LeftSessionView } from './left-session.view';

export function leftSessionRoutes({ leftSessions }: { leftSessions: LeftSessionService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/left-sessions',
      summary: 'Sessions at brokers that no configuration uses any more',
      description:
        'Of changed brokers and client ids, of shared subscriptions that were switched, of deleted products. What waits in them is ' +
        'delivered where the product is there still, then they are ended; those that are ended stay listed for a week.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'viewer' },
      query: PageQuery,
      response: { page: LeftSessionView },
      handler: async ({ principal, query }) => ok(await leftSessions.list(query, productsOf(principal))),
    }),
    route({
      method: 'delete',
      path: '/api/v1/left-sessions/{id}',
      summary: 'Stop trying to end a session that was left',
      description: 'For a broker that is gone for good. Where it is not, it keeps the session until that expires.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'admin' },
      params: IdParams,
      status: 204,
      handler: async (context) => {
        await leftSessions.forget(context.params.id, actorOf(context));
        return noContent();
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/left-sessions',
      operation_id: 'endSessionsOfDisabledProduct',
      summary: 'End the sessions of a product that is disabled for good',
      description:
        'What waits in them is dropped. Without this they go on collecting at the broker, and all of it runs once the product is ' +
        'enabled again. 409 while the product is enabled.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      response: LeftSessionsView,
      status: 202,
      handler: async (context) =>
        accepted({ items: await leftSessions.leaveDisabled(context.params.product_id, actorOf(context)) }),
    }),
    route({
      method: 'post',
      path: '/internal/v1/left-sessions/{id}/claim',
      summary: 'A listener is about to empty a session that was left',
      tag: 'Internal',
      access: { kind: 'listener' },
      params: IdParams,
      body: LeftSessionClaimDto,
      handler: async ({ params, principal, body }) =>
        ok({ claim: await leftSessions.claim(principal.product_id, params.id, body.instance_id) }),
    }),
    route({
      method: 'post',
      path: '/internal/v1/left-sessions/{id}/outcome',
      operation_id: 'reportLeftSession',
      summary: 'What became of a session that was left',
      tag: 'Internal',
      access: { kind: 'listener' },
      params: IdParams,
      body: LeftSessionOutcomeDto,
      status: 204,
      handler: async ({ params, principal, body: { instance_id, ...outcome } }) => {
        await leftSessions.record(principal.product_id, params.id, outcome, instance_id);
        return noContent();
      },
    }),
  ];
}
