import { accepted, ok, type Route, route } from '../../http/route';
import { ProductParams, ProductUuidParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import type { ReconnectService } from './reconnect.service';
import { ReconnectView } from './reconnect.view';

const PATH = '/api/v1/products/{product_id}/mqtt-config/reconnect';

export function reconnectRoutes({ reconnects }: { reconnects: ReconnectService }): Route[] {
  return [
    route({
      method: 'post',
      path: PATH,
      operation_id: 'reconnect',
      summary: 'Reconnect every live listener of the product',
      tag: 'Status',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      response: ReconnectView,
      status: 202,
      handler: async (context) => {
        const reconnect = await reconnects.request(context.params.product_id, actorOf(context));
        return accepted(reconnect, {
          Location: `/api/v1/products/${reconnect.product_id}/mqtt-config/reconnect/${reconnect.id}`,
        });
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}`,
      operation_id: 'getReconnect',
      summary: 'What became of a reconnect, per instance',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer' },
      params: ProductUuidParams,
      response: ReconnectView,
      handler: async ({ params }) => ok(await reconnects.read(params.product_id, params.id)),
    }),
  ];
}
