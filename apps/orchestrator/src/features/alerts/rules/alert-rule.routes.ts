import { expectedRevision, revisionTag } from '../../../http/etag';
import { created, noContent, ok, type Route, type RouteContext, route } from '../../../http/route';
import { IdParams } from '../../../http/route-params';
import { productsOf, type UserPrincipal } from '../../../http/principal';
import { actorOf } from '../../audit/audit-trail';
import {
  AlertRuleListQuery,
  AlertRuleView,
  CreateAlertRuleDto,
  PreviewAlertRuleDto,
  UpdateAlertRuleDto,
} from './alert-rule.dto';
import type { AlertRuleService, RuleWriteOptions } from './alert-rule.service';
import { RulePreviewView } from './rule-preview.dto';
import type { RulePreviewService } from './rule-preview.service';

const VIEWER = { kind: 'role', role: 'viewer' } as const;
const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function alertRuleRoutes({
  alertRules,
  rulePreviews,
}: {
  alertRules: AlertRuleService;
  rulePreviews: RulePreviewService;
}): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/alert-rules',
      summary: 'List alert rules',
      tag: 'Alerts',
      access: VIEWER,
      query: AlertRuleListQuery,
      response: { page: AlertRuleView },
      handler: async ({ query, principal }) => ok(await alertRules.list(query, productsOf(principal))),
    }),
    route({
      method: 'post',
      path: '/api/v1/alert-rules',
      summary: 'Create an alert rule',
      description:
        'What is absent is as usual for its kind. An operator names granted products; one of all products takes an administrator.',
      tag: 'Alerts',
      access: OPERATOR,
      body: CreateAlertRuleDto,
      response: AlertRuleView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await alertRules.create(context.body, writing(context));
        return created(value, {
          ETag: revisionTag({ number: revision, key: '' }),
          Location: `/api/v1/alert-rules/${value.id}`,
        });
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/alert-rules/preview',
      summary: 'Run a rule over the past',
      description:
        'When it would have fired in the last seven days, with the values that it would have seen. Nothing is stored.',
      tag: 'Alerts',
      access: VIEWER,
      body: PreviewAlertRuleDto,
      response: RulePreviewView,
      handler: async ({ body, principal }) => ok(await rulePreviews.run(body, productsOf(principal))),
    }),
    route({
      method: 'get',
      path: '/api/v1/alert-rules/{id}',
      summary: 'Read an alert rule',
      tag: 'Alerts',
      access: VIEWER,
      params: IdParams,
      response: AlertRuleView,
      etag: true,
      handler: async ({ params, principal }) => {
        const { value, revision } = await alertRules.read(params.id, productsOf(principal));
        return ok(value, { ETag: revisionTag({ number: revision, key: '' }) });
      },
    }),
    ...(['put', 'patch'] as const).map((method) =>
      route({
        method,
        operation_id: `${method === 'put' ? 'update' : 'patch'}AlertRule`,
        path: '/api/v1/alert-rules/{id}',
        summary: 'Change an alert rule',
        description: 'Takes any of the fields.',
        tag: 'Alerts',
        access: OPERATOR,
        params: IdParams,
        body: UpdateAlertRuleDto,
        response: AlertRuleView,
        etag: true,
        handler: async (context) => {
          const { value, revision } = await alertRules.update(context.params.id, context.body, writing(context));
          return ok(value, { ETag: revisionTag({ number: revision, key: '' }) });
        },
      }),
    ),
    route({
      method: 'delete',
      path: '/api/v1/alert-rules/{id}',
      summary: 'Delete an alert rule; its open incidents end',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await alertRules.delete(context.params.id, writing(context));
        return noContent();
      },
    }),
  ];
}

function writing(context: RouteContext<object, object, object, UserPrincipal>): RuleWriteOptions {
  return {
    actor: actorOf(context),
    scope: productsOf(context.principal),
    expected_revision: expectedRevision(context.request.headers['if-match']),
  };
}
