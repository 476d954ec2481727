import { expectedRevision, revisionTag } from '../../http/etag';
import { wholePage } from '../../http/pagination';
import { created, noContent, ok, type Route, route } from '../../http/route';
import { ProductIdParams, ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { BrokerOrderDto, CreateBrokerDto, FurtherBrokerView, UpdateBrokerDto } from './broker.dto';
import type { BrokerService } from './broker.service';

const LIST = '/api/v1/products/{product_id}/brokers';
const ONE = `${LIST}/{id}`;
const tag = 'Brokers';

export function brokerRoutes({ brokers }: { brokers: BrokerService }): Route[] {
  return [
    route({
      method: 'get',
      path: LIST,
      summary: 'The brokers to fail over to, in order of preference',
      description: 'The primary broker is in mqtt-config; when to fail over and back is its section `failover`.',
      tag,
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      response: { page: FurtherBrokerView },
      etag: true,
      handler: async ({ params }) => {
        const { value, revision } = await brokers.list(params.product_id);
        return ok(wholePage(value), { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'post',
      path: LIST,
      summary: 'Add a broker at the end of the order',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: CreateBrokerDto,
      response: FurtherBrokerView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { product_id } = context.params;
        const { value, revision } = await brokers.create(product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        const Location = `/api/v1/products/${product_id}/brokers/${value.id}`;
        return created(value, { ETag: revisionTag(revision), Location });
      },
    }),
    // Before `{id}`: the first route that matches answers.
    route({
      method: 'put',
      path: `${LIST}/order`,
      operation_id: 'updateBrokerOrder',
      summary: 'Change the order of preference',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: BrokerOrderDto,
      response: { page: FurtherBrokerView },
      etag: true,
      handler: async (context) => {
        const { value, revision } = await brokers.reorder(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return ok(wholePage(value), { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'get',
      path: ONE,
      summary: 'Read a broker',
      tag,
      access: { kind: 'role', role: 'viewer' },
      params: ProductIdParams,
      response: FurtherBrokerView,
      etag: true,
      handler: async ({ params }) => {
        const { value, revision } = await brokers.read(params.product_id, params.id);
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'put',
      path: ONE,
      summary: 'Change a broker; listeners apply it live',
      description: 'Absent fields keep what is stored. Another host needs the password again.',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductIdParams,
      body: UpdateBrokerDto,
      response: FurtherBrokerView,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await brokers.update(context.params.product_id, context.params.id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'delete',
      path: ONE,
      summary: 'Delete a broker',
      tag,
      access: { kind: 'role', role: 'operator' },
      params: ProductIdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        const revision = await brokers.delete(context.params.product_id, context.params.id, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return noContent({ ETag: revisionTag(revision) });
      },
    }),
  ];
}
