import { wholePage } from '../../http/pagination';
import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { BreakerChangeView, DestinationParams, DestinationView } from './destination.dto';
import type { DestinationService } from './destination.service';

const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function destinationRoutes({ destinations }: { destinations: DestinationService }): Route[] {
  const path = '/api/v1/products/{product_id}/destinations';
  const change = (verb: string, summary: string, name: 'try_now' | 'close') =>
    route({
      method: 'post',
      path: `${path}/{destination_id}/${verb}`,
      summary,
      tag: 'Destinations',
      access: OPERATOR,
      params: DestinationParams,
      response: BreakerChangeView,
      handler: async (context) => {
        const { product_id, destination_id } = context.params;
        return ok(
          await destinations.changeBreaker(product_id, { destination_id, change: name, actor: actorOf(context) }),
        );
      },
    });
  return [
    route({
      method: 'get',
      path,
      summary: 'List the destinations of a product',
      description: 'Where its actions go, as live listeners have seen it in the last minute; those in trouble first.',
      tag: 'Destinations',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      response: { page: DestinationView },
      handler: async ({ params }) => ok(wholePage(await destinations.list(params.product_id))),
    }),
    change('try-now', 'Let the next attempt to a destination through; if it fails the breaker opens again', 'try_now'),
    change('close-breaker', 'Close the breaker of a destination', 'close'),
  ];
}
