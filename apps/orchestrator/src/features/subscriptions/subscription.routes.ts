import { expectedRevision, revisionTag } from '../../http/etag';
import { productsOf } from '../../http/principal';
import { created, noContent, ok, type Route, route } from '../../http/route';
import { ProductParams, SubscriptionParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { BulkSubscriptionsDto, BulkSubscriptionsView } from './subscription-bulk.dto';
import type { SubscriptionBulkService } from './subscription-bulk.service';
import { CreateSubscriptionDto, SubscriptionListQuery, UpdateSubscriptionDto } from './subscription.dto';
import type { SubscriptionService } from './subscription.service';
import { FoundSubscriptionView, SubscriptionView } from './subscription.view';

const LIST = '/api/v1/products/{product_id}/mqtt-config/subscriptions';
const ONE = `${LIST}/{sub_id}`;
const tag = 'Subscriptions';

export function subscriptionRoutes({
  subscriptions,
  subscriptionBulk,
}: {
  subscriptions: SubscriptionService;
  subscriptionBulk: SubscriptionBulkService;
}): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/subscriptions',
      operation_id: 'findSubscriptions',
      summary: 'Find subscriptions of all products that one may see',
      tag,
      access: { kind: 'role', role: 'viewer' },
      query: SubscriptionListQuery,
      response: { page: FoundSubscriptionView },
      handler: async ({ principal, query }) => ok(await subscriptions.find(query, productsOf(principal))),
    }),
    route({
      method: 'get',
      path: LIST,
      summary: 'List subscriptions',
      tag,
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      query: SubscriptionListQuery,
      response: { page: SubscriptionView },
      etag: true,
      handler: async ({ params, query }) => {
        const { revision, ...page } = await subscriptions.list(params.product_id, query);
        return ok(page, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'post',
      path: LIST,
      summary: 'Create a subscription',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: CreateSubscriptionDto,
      response: SubscriptionView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await subscriptions.create(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        const Location = `/api/v1/products/${context.params.product_id}/mqtt-config/subscriptions/${value.id}`;
        return created(value, { ETag: revisionTag(revision), Location });
      },
    }),
    route({
      method: 'post',
      path: `${LIST}/bulk`,
      summary: 'Create, change and delete up to 1,000 subscriptions at once',
      description:
        'One transaction and one revision: either all changes are made or none. Faults name their item, as in `create[3].topic`.',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: BulkSubscriptionsDto,
      body_size: 'large',
      limit: 'bulk_operations',
      response: BulkSubscriptionsView,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await subscriptionBulk.change(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'get',
      path: ONE,
      summary: 'Read a subscription',
      tag,
      access: { kind: 'role', role: 'viewer' },
      params: SubscriptionParams,
      response: SubscriptionView,
      etag: true,
      handler: async ({ params }) => {
        const { value, revision } = await subscriptions.read(params.product_id, params.sub_id);
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'put',
      path: ONE,
      summary: 'Change a subscription',
      description: 'Takes any of its fields; absent ones keep what is stored.',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: SubscriptionParams,
      body: UpdateSubscriptionDto,
      response: SubscriptionView,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await subscriptions.update(
          context.params.product_id,
          context.params.sub_id,
          context.body,
          { actor: actorOf(context), expected_revision: expectedRevision(context.request.headers['if-match']) },
        );
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'delete',
      path: ONE,
      summary: 'Delete a subscription',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: SubscriptionParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        const revision = await subscriptions.delete(context.params.product_id, context.params.sub_id, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return noContent({ ETag: revisionTag(revision) });
      },
    }),
  ];
}
