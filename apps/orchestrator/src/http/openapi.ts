import type { ClassConstructor } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage';
import { IS_OPTIONAL, ValidationTypes } from 'class-validator';
import { targetConstructorToSchema, validationMetadatasToSchemas } from 'class-validator-jsonschema';
import type { Access } from './principal';
import type { Route } from './route';

type JsonObject = Record<string, unknown>;

/** Put on a property that takes null, until {@link withNulls} has written it as JSON Schema does. */
const TAKES_NULL = 'x-takes-null';

const SCHEMA_OPTIONS = {
  classTransformerMetadataStorage: defaultMetadataStorage,
  refPointerPrefix: '#/components/schemas/',
  additionalConverters: {
    // `@IsOptional()` lets null through, `@MayBeAbsent()` doesn't.
    [ValidationTypes.CONDITIONAL_VALIDATION]: ({ name }: { name?: string }) =>
      name === IS_OPTIONAL ? { [TAKES_NULL]: true } : {},
  },
};

/** The OpenAPI 3.1 document of the route table, from the classes that validate. */
export function buildOpenApi({ routes, version }: { routes: Route[]; version: string }): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method] = operation(route);
    paths[route.path] = item;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'cortex-mqtt',
      version,
      description: 'Brokers, topics, subscriptions and actions of every product, and the truth about their listeners.',
    },
    paths,
    components: {
      schemas: { ...componentSchemas(), Problem: PROBLEM_SCHEMA },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token, or a listener token for /internal.' },
        session: { type: 'apiKey', in: 'cookie', name: 'cortex_session' },
      },
    },
  };
}

/** Schemas of all classes that validate, by their names, with references to `#/components/schemas/`. */
export function componentSchemas(): Record<string, JsonObject> {
  const schemas = validationMetadatasToSchemas(SCHEMA_OPTIONS) as Record<string, JsonObject>;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withNulls(name, schema)]));
}

/** Writes null as JSON Schema 2020-12 does. An answer (a `…View`) has every field, null where there is nothing. */
function withNulls(name: string, schema: JsonObject): JsonObject {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>);
  return {
    ...schema,
    properties: Object.fromEntries(
      properties.map(([field, { [TAKES_NULL]: takesNull, ...property }]) => [
        field,
        takesNull === true && Object.keys(property).length > 0 ? { anyOf: [property, { type: 'null' }] } : property,
      ]),
    ),
    ...(name.endsWith('View') ? { required: properties.map(([field]) => field) } : {}),
  };
}

function operation(route: Route): JsonObject {
  const status = String(route.status ?? 200);
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    tags: [route.tag],
    security: security(route.access),
    'x-access': route.access.kind === 'role' ? route.access.role : route.access.kind,
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')],
    ...(route.body
      ? {
          requestBody: {
            required: !route.body_optional,
            content: { [mediaTypeOf(route)]: { schema: reference(route.body) } },
          },
        }
      : {}),
    ...(route.binary_body
      ? {
          requestBody: {
            required: true,
            content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
          },
        }
      : {}),
    responses: {
      [status]: {
        description: 'Success',
        ...(route.response ? { content: { 'application/json': { schema: responseSchema(route.response) } } } : {}),
      },
      default: {
        description: 'Problem details (RFC 9457)',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

const mediaTypeOf = ({ body_type }: Route): string =>
  body_type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';

function responseSchema(response: NonNullable<Route['response']>): JsonObject {
  if (typeof response === 'function') return reference(response);
  if ('array' in response) return { type: 'array', items: reference(response.array) };
  return {
    type: 'object',
    required: ['items', 'total', 'page', 'page_size'],
    properties: {
      items: { type: 'array', items: reference(response.page) },
      total: { type: 'integer' },
      page: { type: 'integer' },
      page_size: { type: 'integer' },
    },
  };
}

function parameters(type: ClassConstructor<object> | undefined, place: 'path' | 'query'): JsonObject[] {
  if (type === undefined) return [];
  const schema = targetConstructorToSchema(type, SCHEMA_OPTIONS);
  const required = new Set(schema.required ?? []);
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>);
  return properties.map(([name, { [TAKES_NULL]: _, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: property,
  }));
}

function reference(type: ClassConstructor<unknown>): JsonObject {
  return { $ref: `#/components/schemas/${type.name}` };
}

function security(access: Access): JsonObject[] {
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

/** `get /api/v1/products/{product_id}/mqtt-config` → `getProductsByProductIdMqttConfig`. */
function operationId(route: Route): string {
  const words = route.path
    .replace(/^\/api\/v1/, '')
    .split('/')
    .filter(Boolean)
    .map((part) => part.replace(/\{([a-z_]+)\}/, 'by-$1'))
    .join('-')
    .split(/[-_.]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${route.method}${words.join('')}`;
}

const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'request_id', 'errors'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    request_id: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};
