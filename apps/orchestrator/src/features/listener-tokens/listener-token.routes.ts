import { expectedTags } from '../../http/etag';
import { PageQuery } from '../../http/pagination';
import { created, noContent, ok, type Route, route } from '../../http/route';
import { CreateBearerTokenDto } from '../../http/bearer-token.dto';
import { ProductIdParams, ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { CreatedListenerTokenView, ListenerTokenView } from './listener-token.dto';
import { type ListenerTokenService, listenerTokenTag } from './listener-token.service';

const PATH = '/api/v1/products/{product_id}/listener-tokens';
const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function listenerTokenRoutes({ listenerTokens }: { listenerTokens: ListenerTokenService }): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      summary: 'List the tokens of a product’s listeners',
      tag: 'Listener tokens',
      access: OPERATOR,
      params: ProductParams,
      query: PageQuery,
      response: { page: ListenerTokenView },
      handler: async ({ params, query }) => ok(await listenerTokens.list(params.product_id, query)),
    }),
    route({
      method: 'post',
      path: PATH,
      summary: 'Create a token for listeners; the answer shows it once',
      tag: 'Listener tokens',
      access: OPERATOR,
      params: ProductParams,
      body: CreateBearerTokenDto,
      response: CreatedListenerTokenView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { product_id } = context.params;
        const { token, ...view } = await listenerTokens.create(product_id, context.body, actorOf(context));
        const Location = `/api/v1/products/${product_id}/listener-tokens/${view.id}`;
        return created({ ...view, token }, { 'Cache-Control': 'no-store', ETag: listenerTokenTag(view), Location });
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}`,
      summary: 'Read a listener token',
      tag: 'Listener tokens',
      access: OPERATOR,
      params: ProductIdParams,
      response: ListenerTokenView,
      etag: true,
      handler: async ({ params }) => {
        const view = await listenerTokens.read(params.product_id, params.id);
        return ok(view, { ETag: listenerTokenTag(view) });
      },
    }),
    route({
      method: 'delete',
      path: `${PATH}/{id}`,
      operation_id: 'revokeListenerToken',
      summary: 'Revoke a listener token',
      tag: 'Listener tokens',
      access: OPERATOR,
      params: ProductIdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await listenerTokens.revoke(context.params.product_id, context.params.id, {
          actor: actorOf(context),
          expected_tags: expectedTags(context.request.headers['if-match']),
        });
        return noContent();
      },
    }),
  ];
}
