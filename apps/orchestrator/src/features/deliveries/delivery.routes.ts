import { accepted, noContent, ok, type Route, route } from '../../http/route';
import { ProductParams, ProductUuidParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import {
  DeadLetterFilterDto,
  DeliveryCountsView,
  DeliveryDetailView,
  DeliveryPageView,
  DeliveryParams,
  DeliveryQuery,
  OperationView,
  RetryDeliveryDto,
} from './delivery.dto';
import type { DeliveryService } from './delivery.service';
import type { OperationService } from './operation.service';

const LIST = '/api/v1/products/{product_id}/deliveries';
const ONE = `${LIST}/{delivery_id}`;
const OPERATIONS = '/api/v1/products/{product_id}/operations';
const tag = 'Deliveries';
const VIEWER = { kind: 'role', role: 'viewer' } as const;
const READER = { kind: 'role', role: 'viewer', payloads: true } as const;
const OPERATOR = { kind: 'role', role: 'operator' } as const;

const locationOf = (operation: OperationView) => ({
  Location: `/api/v1/products/${operation.product_id}/operations/${operation.id}`,
});

export function deliveryRoutes({
  deliveries,
  operations,
}: {
  deliveries: DeliveryService;
  operations: OperationService;
}): Route[] {
  return [
    route({
      method: 'get',
      path: LIST,
      operation_id: 'listDeliveries',
      summary: 'Dead letters, newest first; or the deliveries that wait or are under way',
      description: '503 while the queue is away.',
      tag,
      access: VIEWER,
      params: ProductParams,
      query: DeliveryQuery,
      response: DeliveryPageView,
      handler: async ({ params, query }) => ok(await deliveries.list(params.product_id, query)),
    }),
    // Before `{delivery_id}`: the first route that matches answers.
    route({
      method: 'get',
      path: `${LIST}/counts`,
      operation_id: 'countDeliveries',
      summary: 'How many deliveries wait, are being worked, are dead',
      tag,
      access: VIEWER,
      params: ProductParams,
      response: DeliveryCountsView,
      handler: async ({ params }) => ok(await deliveries.counts(params.product_id)),
    }),
    route({
      method: 'post',
      path: `${LIST}/retry`,
      operation_id: 'retryDeliveries',
      summary: 'Try all matching dead letters again, in the background',
      tag,
      access: OPERATOR,
      limit: 'bulk_operations',
      params: ProductParams,
      body: DeadLetterFilterDto,
      body_optional: true,
      response: OperationView,
      status: 202,
      handler: async (context) => {
        const { params, body } = context;
        const operation = await operations.request(params.product_id, 'retry_deliveries', body, actorOf(context));
        return accepted(operation, locationOf(operation));
      },
    }),
    route({
      method: 'post',
      path: `${LIST}/purge`,
      operation_id: 'purgeDeliveries',
      summary: 'Delete all matching dead letters, in the background',
      tag,
      access: OPERATOR,
      limit: 'bulk_operations',
      params: ProductParams,
      body: DeadLetterFilterDto,
      response: OperationView,
      status: 202,
      handler: async (context) => {
        const { params, body } = context;
        const operation = await operations.request(params.product_id, 'purge_deliveries', body, actorOf(context));
        return accepted(operation, locationOf(operation));
      },
    }),
    route({
      method: 'get',
      path: ONE,
      summary: 'A delivery with its message and attempts',
      tag,
      access: READER,
      params: DeliveryParams,
      response: DeliveryDetailView,
      handler: async ({ params }) => ok(await deliveries.read(params.product_id, params.delivery_id)),
    }),
    route({
      method: 'post',
      path: `${ONE}/retry`,
      summary: 'Try a delivery again at once, as it is or with another payload',
      description: 'Only the actions that have not succeeded run. 409 while a listener is at it.',
      tag,
      access: OPERATOR,
      params: DeliveryParams,
      body: RetryDeliveryDto,
      body_optional: true,
      status: 204,
      handler: async (context) => {
        const { params, body } = context;
        await deliveries.retry(params.product_id, params.delivery_id, body, actorOf(context));
        return noContent();
      },
    }),
    route({
      method: 'delete',
      path: ONE,
      summary: 'Delete a delivery: its actions will not run',
      tag,
      access: OPERATOR,
      params: DeliveryParams,
      status: 204,
      handler: async (context) => {
        await deliveries.remove(context.params.product_id, context.params.delivery_id, actorOf(context));
        return noContent();
      },
    }),
    route({
      method: 'get',
      path: `${OPERATIONS}/{id}`,
      summary: 'How far a bulk operation is',
      tag,
      access: VIEWER,
      params: ProductUuidParams,
      response: OperationView,
      handler: async ({ params }) => ok(await operations.read(params.product_id, params.id)),
    }),
  ];
}
