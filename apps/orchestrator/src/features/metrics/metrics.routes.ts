import { productsOf } from '../../http/principal';
import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { MetricsQuery, MetricsView, OverviewQuery, ProductOverviewView } from './metrics.dto';
import type { MetricsService } from './metrics.service';
import type { OverviewService } from './overview.service';

export function metricsRoutes({ metrics, overview }: { metrics: MetricsService; overview: OverviewService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/overview',
      operation_id: 'getOverview',
      summary: 'All products that one may see at a glance: state, rate, sparkline; problems first',
      tag: 'Products',
      access: { kind: 'role', role: 'viewer' },
      query: OverviewQuery,
      response: { page: ProductOverviewView },
      handler: async ({ principal, query }) => ok(await overview.page(query, productsOf(principal))),
    }),
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/metrics',
      summary: 'Traffic of a product over time',
      description: 'Kept by 10 s for a day, by 60 s for 7 days, by 600 s for 30 days.',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      query: MetricsQuery,
      response: MetricsView,
      handler: async ({ params, query }) => ok(await metrics.read(params.product_id, query)),
    }),
  ];
}
