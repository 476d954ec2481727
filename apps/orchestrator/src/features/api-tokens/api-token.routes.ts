import { expectedTags } from '../../http/etag';
import { created, noContent, ok, type Route, route } from '../../http/route';
import { IdParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { ApiTokenListQuery, ApiTokenView, CreateApiTokenDto, CreatedApiTokenView } from './api-token.dto';
import { type ApiTokenService, apiTokenTag } from './api-token.service';

const ONE = '/api/v1/api-tokens/{id}';

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
      etag: true,
      handler: async (context) =>
        createdToken(await apiTokens.create(context.principal, context.body, actorOf(context))),
    }),
    route({
      method: 'get',
      path: ONE,
      summary: 'Read an API token',
      tag: 'API tokens',
      access: { kind: 'signed-in' },
      params: IdParams,
      response: ApiTokenView,
      etag: true,
      handler: async ({ principal, params }) => {
        const view = await apiTokens.read(principal, params.id);
        return ok(view, { ETag: apiTokenTag(view) });
      },
    }),
    route({
      method: 'delete',
      path: ONE,
      operation_id: 'revokeApiToken',
      summary: 'Revoke an API token and those that it made',
      tag: 'API tokens',
      access: { kind: 'signed-in', scope: 'tokens' },
      params: IdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await apiTokens.revoke(context.principal, context.params.id, {
          actor: actorOf(context),
          expected_tags: expectedTags(context.request.headers['if-match']),
        });
        return noContent();
      },
    }),
  ];
}

const createdToken = ({ token, ...view }: CreatedApiTokenView) =>
  created(
    { ...view, token },
    { 'Cache-Control': 'no-store', ETag: apiTokenTag(view), Location: ONE.replace('{id}', String(view.id)) },
  );
