import { expectedRevision, revisionTag } from '../../http/etag';
import { PageQuery } from '../../http/pagination';
import { created, noContent, ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { CreateSecretDto, PutSecretDto, SecretParams, SecretView } from './product-secret.dto';
import type { ProductSecretService } from './product-secret.service';

const PATH = '/api/v1/products/{product_id}/secrets';
const OPERATOR = { kind: 'role', role: 'operator' } as const;

const locationOf = (product_id: number, name: string): string => `/api/v1/products/${product_id}/secrets/${name}`;

export function productSecretRoutes({ productSecrets }: { productSecrets: ProductSecretService }): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      summary: 'List the names of a product’s secrets',
      tag: 'Secrets',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      query: PageQuery,
      response: { page: SecretView },
      etag: true,
      handler: async ({ params, query }) => {
        const { revision, ...page } = await productSecrets.list(params.product_id, query);
        return ok(page, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'post',
      path: PATH,
      summary: 'Create a secret',
      tag: 'Secrets',
      access: OPERATOR,
      params: ProductParams,
      body: CreateSecretDto,
      response: SecretView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await productSecrets.create(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return created(value, {
          ETag: revisionTag(revision),
          Location: locationOf(context.params.product_id, value.name),
        });
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{name}`,
      summary: 'Read what is known of a secret, without its value',
      tag: 'Secrets',
      access: { kind: 'role', role: 'viewer' },
      params: SecretParams,
      response: SecretView,
      etag: true,
      handler: async ({ params }) => {
        const { value, revision } = await productSecrets.read(params.product_id, params.name);
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'put',
      path: `${PATH}/{name}`,
      operation_id: 'putSecret',
      creates_absent: true,
      summary: 'Set a secret; 201 when it is new',
      tag: 'Secrets',
      access: OPERATOR,
      params: SecretParams,
      body: PutSecretDto,
      response: SecretView,
      etag: true,
      handler: async (context) => {
        const { value, revision, is_new } = await productSecrets.put(
          context.params.product_id,
          { name: context.params.name, value: context.body.value },
          {
            actor: actorOf(context),
            expected_revision: expectedRevision(context.request.headers['if-match']),
            may_replace: context.request.get('If-None-Match')?.trim() !== '*',
          },
        );
        const ETag = revisionTag(revision);
        return is_new
          ? created(value, { ETag, Location: locationOf(context.params.product_id, value.name) })
          : ok(value, { ETag });
      },
    }),
    route({
      method: 'delete',
      path: `${PATH}/{name}`,
      summary: 'Delete a secret that no subscription uses (409 otherwise)',
      tag: 'Secrets',
      access: OPERATOR,
      params: SecretParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        const revision = await productSecrets.delete(context.params.product_id, context.params.name, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return noContent({ ETag: revisionTag(revision) });
      },
    }),
  ];
}
