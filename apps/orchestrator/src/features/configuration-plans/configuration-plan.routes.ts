import { wholePage } from '../../http/pagination';
import { noContent, ok, type Route, route } from '../../http/route';
import type { UserPrincipal } from '../../http/principal';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { ApplyRequestDto, ExportQuery, PlanRequestDto } from './configuration-plan.dto';
import type { ConfigurationPlanService, PlanScope } from './configuration-plan.service';
import {
  AppliedPlanView,
  ConfigurationExportView,
  ConfigurationPlanView,
  ManagedProductDriftView,
} from './configuration-plan.view';
import { documentSchema } from './document-schema';

const tag = 'Configuration as code';

export function configurationPlanRoutes({
  configurationPlans,
}: {
  configurationPlans: ConfigurationPlanService;
}): Route[] {
  // Of every class that validates: a tenth of a second of work, and always the same.
  let schema: object | null = null;
  return [
    route({
      method: 'get',
      path: '/api/v1/config/export',
      operation_id: 'exportConfiguration',
      summary: 'Export products as documents',
      description: 'The same configuration gives the same documents on every installation. Secrets are names only.',
      tag,
      problems: [409],
      access: { kind: 'role', role: 'viewer' },
      query: ExportQuery,
      response: ConfigurationExportView,
      handler: async ({ query, principal }) =>
        ok({ documents: await configurationPlans.export(query.product, scopeOf(principal)) }),
    }),
    route({
      method: 'get',
      path: '/api/v1/config/schema',
      operation_id: 'getConfigurationSchema',
      summary: 'JSON Schema of a document, for editors',
      tag,
      access: { kind: 'signed-in' },
      handler: async () => {
        schema ??= documentSchema();
        return ok(schema);
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/config/drift',
      operation_id: 'listDrift',
      summary: 'What has changed in managed products since their documents were applied',
      tag,
      access: { kind: 'role', role: 'viewer' },
      response: { page: ManagedProductDriftView },
      handler: async ({ principal }) => ok(wholePage(await configurationPlans.drift(scopeOf(principal)))),
    }),
    route({
      method: 'post',
      path: '/api/v1/config/plan',
      operation_id: 'planConfiguration',
      summary: 'Plan what documents would change',
      description: 'Writes nothing but the plan, which is kept for an hour.',
      tag,
      access: { kind: 'role', role: 'viewer' },
      body: PlanRequestDto,
      body_size: 'large',
      response: ConfigurationPlanView,
      handler: async (context) =>
        ok(await configurationPlans.plan(context.body, actorOf(context), scopeOf(context.principal))),
    }),
    route({
      method: 'post',
      path: '/api/v1/config/apply',
      operation_id: 'applyConfiguration',
      problems: [404, 412],
      summary: 'Apply a plan',
      description:
        'One transaction a product. 412 and nothing written when a product was changed since the plan; waits until listeners have applied it.',
      tag,
      access: { kind: 'role', role: 'operator' },
      body: ApplyRequestDto,
      response: AppliedPlanView,
      handler: async (context) =>
        ok(await configurationPlans.apply(context.body, actorOf(context), scopeOf(context.principal))),
    }),
    route({
      method: 'delete',
      path: '/api/v1/products/{product_id}/managed-by',
      operation_id: 'releaseProduct',
      summary: 'Release a product from what manages it',
      tag,
      access: { kind: 'role', role: 'admin' },
      params: ProductParams,
      status: 204,
      handler: async (context) => {
        await configurationPlans.release(context.params.product_id, actorOf(context));
        return noContent();
      },
    }),
  ];
}

function scopeOf(principal: UserPrincipal): PlanScope {
  const { role, all_products, product_ids, is_limited } = principal;
  const isGranted = (product_id: number) => all_products || product_ids.includes(product_id);
  return {
    mayRead: isGranted,
    mayChange: (product_id) =>
      product_id === null ? role === 'admin' && !is_limited : role !== 'viewer' && isGranted(product_id),
  };
}
