import { ForbiddenError } from '../../http/app-error';
import { expectedRevision, noneMatch, revisionTag } from '../../http/etag';
import { productsOf } from '../../http/principal';
import { created, noContent, notModified, ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { CreateProductDto, ProductListQuery, ProductView, UpdateProductDto } from './product.dto';
import type { ProductService } from './product.service';

export function productRoutes({ products }: { products: ProductService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/products',
      summary: 'List products',
      tag: 'Products',
      access: { kind: 'role', role: 'viewer' },
      query: ProductListQuery,
      response: { page: ProductView },
      handler: async ({ principal, query }) => ok(await products.list(query, productsOf(principal))),
    }),
    route({
      method: 'post',
      path: '/api/v1/products',
      summary: 'Create a product',
      tag: 'Products',
      access: { kind: 'role', role: 'admin' },
      body: CreateProductDto,
      response: ProductView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await products.create(context.body, actorOf(context));
        return created(value, { ETag: revisionTag(revision), Location: `/api/v1/products/${value.id}` });
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}',
      summary: 'Read a product',
      tag: 'Products',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      response: ProductView,
      etag: true,
      not_modified: true,
      handler: async ({ params, request }) => {
        const { value, revision } = await products.read(params.product_id);
        const headers = { ETag: revisionTag(revision) };
        return noneMatch(request.headers['if-none-match'], headers.ETag) ? notModified(headers) : ok(value, headers);
      },
    }),
    route({
      method: 'patch',
      path: '/api/v1/products/{product_id}',
      summary: 'Change a product',
      tag: 'Products',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: UpdateProductDto,
      response: ProductView,
      etag: true,
      handler: async (context) => {
        if (context.body.allowed_queues !== undefined && context.principal.role !== 'admin') {
          throw new ForbiddenError('Which queues a product may use is for administrators to say.');
        }
        const { value, revision } = await products.update(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'delete',
      path: '/api/v1/products/{product_id}',
      summary: 'Delete a product with all that belongs to it',
      tag: 'Products',
      access: { kind: 'role', role: 'admin' },
      params: ProductParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await products.delete(context.params.product_id, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return noContent();
      },
    }),
  ];
}
