import { actionSchemas } from '@cortex-mqtt/actions';
import { wholePage } from '../../http/pagination';
import { ok, type Route, route } from '../../http/route';
import { ProductParams, SubscriptionParams } from '../../http/route-params';
import { ActionTypeView, DryRunDto, DryRunView } from './dry-run.dto';
import type { DryRunService } from './dry-run.service';

const SUBSCRIPTIONS = '/api/v1/products/{product_id}/mqtt-config/subscriptions';

export function dryRunRoutes({ dryRuns }: { dryRuns: DryRunService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/action-types',
      summary: 'The types of actions, each with the JSON Schema of its fields',
      tag: 'Subscriptions',
      access: { kind: 'role', role: 'viewer' },
      response: { page: ActionTypeView },
      handler: async () => ok(wholePage(actionSchemas())),
    }),
    route({
      method: 'post',
      path: `${SUBSCRIPTIONS}/dry-run`,
      operation_id: 'dryRunDraft',
      summary: 'What a message would do in a subscription that is not saved yet',
      tag: 'Subscriptions',
      access: { kind: 'role', role: 'operator' },
      limit: 'dry_runs',
      params: ProductParams,
      body: DryRunDto,
      response: DryRunView,
      handler: async ({ params, body }) => ok(await dryRuns.run(params.product_id, null, body)),
    }),
    route({
      method: 'post',
      path: `${SUBSCRIPTIONS}/{sub_id}/dry-run`,
      summary: 'What a message would do: every expression’s value and every request, nothing sent',
      tag: 'Subscriptions',
      access: { kind: 'role', role: 'operator' },
      limit: 'dry_runs',
      params: SubscriptionParams,
      body: DryRunDto,
      response: DryRunView,
      handler: async ({ params, body }) => ok(await dryRuns.run(params.product_id, params.sub_id, body)),
    }),
  ];
}
