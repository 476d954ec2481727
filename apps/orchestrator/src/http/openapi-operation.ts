import { isIdempotent } from './idempotency';
import { fieldsOf, type JsonObject, referenceTo } from './openapi-schemas';
import { operationId } from './operation-id';
import type { Access } from './principal';
import type { Route } from './route';

/** One operation of the OpenAPI document, from its row in the route table. */
export function documentOperation(route: Route): JsonObject {
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    tags: [route.tag],
    security: securityOf(route.access),
    'x-access': route.access.kind === 'role' ? route.access.role : route.access.kind,
    parameters: [
      ...(route.params ? fieldsOf(route.params).map((field) => ({ ...field, in: 'path', required: true })) : []),
      ...(route.query ? fieldsOf(route.query).map((field) => ({ ...field, in: 'query' })) : []),
      ...headersTaken(route).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...requestBody(route),
    responses: { ...successes(route), ...problems(route) },
  };
}

/** The statuses that a route may answer with. */
export function statusesOf(route: Route): number[] {
  return Object.keys({ ...successes(route), ...problems(route) }).map(Number);
}

function headersTaken(route: Route): string[] {
  const names: string[] = [];
  if (route.not_modified) names.push('IfNoneMatch');
  if (honoursIfMatch(route)) names.push('IfMatch');
  if (route.creates_absent) names.push('CreateOnly');
  if (isIdempotent(route)) names.push('IdempotencyKey');
  return names;
}

/** What is made inside a product changes the product's configuration, which has a version already. */
function honoursIfMatch({ etag, method, path }: Route): boolean {
  if (!etag || method === 'get') return false;
  return method !== 'post' || path.includes('{product_id}');
}

function requestBody(route: Route): JsonObject {
  if (route.binary_body) {
    const schema = { type: 'string', contentEncoding: 'binary' };
    return { requestBody: { required: true, content: { 'application/octet-stream': { schema } } } };
  }
  if (!route.body) return {};
  const media = { schema: referenceTo(route.body) };
  if (route.body_type === 'form') {
    return {
      requestBody: { required: !route.body_optional, content: { 'application/x-www-form-urlencoded': media } },
    };
  }
  const merges = route.method === 'patch' || route.method === 'put';
  return {
    requestBody: {
      required: !route.body_optional,
      content: { 'application/json': media, ...(merges ? { 'application/merge-patch+json': media } : {}) },
    },
  };
}

function successes(route: Route): Record<string, JsonObject> {
  const status = route.status ?? 200;
  const answer: JsonObject = { description: route.event_stream ?? SUCCESSES[status] ?? 'Success' };
  const content = contentOf(route);
  if (content) answer.content = content;
  const has_location = status === 201 || status === 202;
  const headers = [
    ...(route.etag && route.method !== 'delete' ? ['ETag'] : []),
    ...(has_location ? ['Location'] : []),
    ...(isIdempotent(route) ? ['Idempotency-Replayed'] : []),
  ];
  if (headers.length > 0) answer.headers = headerReferences(headers);
  return {
    [status]: answer,
    ...(route.creates_absent
      ? { 201: { ...answer, description: 'Created', headers: headerReferences([...headers, 'Location']) } }
      : {}),
    ...(route.not_modified ? { 304: { description: 'Not modified since `If-None-Match`' } } : {}),
  };
}

const SUCCESSES: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'Done; no content' };

const headerReferences = (names: string[]): JsonObject =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

function contentOf({ response, event_stream, html }: Route): JsonObject | null {
  if (html) return { 'text/html': { schema: { type: 'string' } } };
  const content: JsonObject = {};
  if (response) content['application/json'] = { schema: responseSchema(response) };
  if (event_stream !== undefined) content['text/event-stream'] = { schema: { type: 'string' } };
  return Object.keys(content).length > 0 ? content : null;
}

function responseSchema(response: NonNullable<Route['response']>): JsonObject {
  if (typeof response === 'function') return referenceTo(response);
  if ('any' in response) return { type: 'object', description: response.any, additionalProperties: true };
  return {
    type: 'object',
    required: ['items', 'total', 'page', 'page_size'],
    properties: {
      items: { type: 'array', items: referenceTo(response.page) },
      total: { type: 'integer' },
      page: { type: 'integer' },
      page_size: { type: 'integer' },
    },
  };
}

/** What a route may refuse with, by what it reads and does. */
function problems(route: Route): Record<string, JsonObject> {
  const is_public = route.access.kind === 'public';
  const writes = route.method !== 'get';
  const has_body = route.body !== undefined || route.binary_body !== undefined;
  const statuses = [
    ...(has_body || route.query || route.params || route.etag || isIdempotent(route) ? [400] : []),
    ...(is_public ? [] : [401, 403]),
    // A listener of a deleted product.
    ...(route.access.kind === 'listener' ? [410] : []),
    ...(route.params ? [404] : []),
    ...(writes && !is_public ? [409] : []),
    // The product of the listener's token is deleted.
    ...(route.access.kind === 'listener' ? [410] : []),
    ...(honoursIfMatch(route) || route.creates_absent ? [412] : []),
    ...(has_body ? [413, 415] : []),
    ...(isIdempotent(route) ? [422] : []),
    ...(route.rate_limit || route.limit ? [429] : []),
    ...(route.problems ?? []),
    500,
    503,
  ];
  return Object.fromEntries(
    [...new Set(statuses)]
      .sort((a, b) => a - b)
      .map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  );
}

function securityOf(access: Access): JsonObject[] {
  switch (access.kind) {
    case 'public':
      return [];
    case 'listener':
      return [{ bearer: [] }];
    case 'signed-in':
    case 'role':
      return [{ bearer: [] }, { session: [] }];
  }
}
