import { created, noContent, ok, type Route, route } from '../../http/route';
import { IdParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { ApiTokenListQuery, ApiTokenView, CreateApiTokenDto, CreatedApiTokenView } from './api-token.dto';
import type { ApiTokenService } from './api-token.service';

export function apiTokenRoutes({ apiTokens }: { apiTokens: ApiTokenService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/api-tokens',
      summary: 'List API tokens',
      tag: 'API tokens',
      access: { kind: 'signed-in' },
      query: ApiTokenListQuery,
      response: { page: ApiTokenView },
      handler: async ({ principal, query }) => ok(await apiTokens.list(principal, query)),
    }),
    route({
      method: 'post',
      path: '/api/v1/api-tokens',
      summary: 'Create an API token; the answer shows it once',
      description:
        'A token may make another only with the scope `tokens`; that one has no scope, product or time more than the ' +
        'token that made it, and is revoked with it.',
      tag: 'API tokens',
      access: { kind: 'signed-in', scope: 'tokens' },
      body: CreateApiTokenDto,
      response: CreatedApiTokenView,
      status: 201,
      handler: async (context) =>
        created(await apiTokens.create(context.principal, context.body, actorOf(context)), {
          'Cache-Control': 'no-store',
        }),
    }),
    route({
      method: 'delete',
      path: '/api/v1/api-tokens/{id}',
      summary: 'Revoke an API token and those that it made',
      tag: 'API tokens',
      access: { kind: 'signed-in', scope: 'tokens' },
      params: IdParams,
      status: 204,
      handler: async (context) => {
        await apiTokens.revoke(context.principal, context.params.id, actorOf(context));
        return noContent();
      },
    }),
  ];
}
