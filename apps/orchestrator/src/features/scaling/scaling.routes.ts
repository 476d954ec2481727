import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import type { ScalingService } from './scaling.service';
import { ScalingView } from './scaling.view';

export function scalingRoutes({ scaling }: { scaling: ScalingService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/scaling',
      summary: 'How many listeners a product needs, for autoscalers',
      description:
        'See deploy/helm: KEDA asks this. 503 while the queue is away, so that nothing is scaled on what is not known.',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      response: ScalingView,
      handler: async ({ params }) => ok(await scaling.read(params.product_id)),
    }),
  ];
}
