import { documentOperation } from './openapi-operation';
import { componentSchemas, type JsonObject, reachableSchemas } from './openapi-schemas';
import { PROBLEM_TYPES, problemUrn, problemsOf } from './problem-types';
import type { Route } from './route';

/** The OpenAPI 3.1 document of the route table, from the classes that validate. */
export function buildOpenApi({
  routes,
  version,
  public_url,
}: {
  routes: Route[];
  version: string;
  /** Where the server is reached; absent: the server that the document comes from. */
  public_url?: string;
}): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method] = documentOperation(route);
    paths[route.path] = item;
  }
  const responses = problemResponses();
  return {
    openapi: '3.1.0',
    info: {
      title: 'cortex-mqtt',
      version,
      description: 'Brokers, topics, subscriptions and actions of every product, and the truth about their listeners.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: public_url?.replace(/\/+$/, '') || '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name, description: TAGS[name] ?? name })),
    paths,
    components: {
      schemas: reachableSchemas({ ...componentSchemas(), Problem: PROBLEM_SCHEMA }, { paths, responses }),
      responses,
      headers: HEADERS,
      parameters: PARAMETERS,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token, or a listener token for /internal.' },
        session: { type: 'apiKey', in: 'cookie', name: 'cortex_session' },
      },
    },
  };
}

const TAGS: Record<string, string> = {
  'Sign-in': 'Sessions of the console, passwords and invitations.',
  'API tokens': 'Bearer tokens for machines.',
  Users: 'People, their roles and what they are granted.',
  Products: 'What has a broker, subscriptions and listeners of its own.',
  'MQTT configuration': 'Broker, topics and delivery settings of a product, tested before they are saved.',
  Brokers: 'Brokers to fail over to.',
  Subscriptions: 'Which messages do what.',
  Secrets: 'Named values for actions; they go in and never come out.',
  Status: 'Whether messages come through, now and in the past.',
  Destinations: 'Where actions go, and how it fares.',
  Deliveries: 'Deliveries that wait, are retried or have failed for good.',
  Messages: 'Recorded messages with what became of them.',
  Replays: 'Recorded messages, run again.',
  'Listener tokens': 'Bearer tokens for listeners that run elsewhere.',
  Alerts: 'Rules, incidents, channels and maintenance windows.',
  'Configuration as code': 'Products as documents: exported, planned, applied.',
  'Audit log': 'Who changed what.',
  Internal: 'What listeners call with a listener token.',
};

/** One response for each status, with the kinds of problems that have it. */
function problemResponses(): Record<string, JsonObject> {
  const statuses = [...new Set(PROBLEM_TYPES.map(({ status }) => status))].filter((status) => status !== 405);
  return Object.fromEntries(
    statuses.map((status) => {
      const kinds = problemsOf(status);
      return [
        `Problem${status}`,
        {
          description: kinds.map(({ kind, meaning }) => `\`${kind}\`: ${meaning}`).join('\n\n'),
          ...(status === 429 || status === 503
            ? { headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } }
            : {}),
          content: {
            'application/problem+json': {
              schema: {
                allOf: [
                  { $ref: '#/components/schemas/Problem' },
                  {
                    type: 'object',
                    properties: {
                      type: { type: 'string', enum: kinds.map(({ kind }) => problemUrn(kind)) },
                      status: { type: 'integer', const: status },
                    },
                  },
                ],
              },
            },
          },
        },
      ];
    }),
  );
}

const HEADERS: JsonObject = {
  ETag: { description: 'The version of what is answered, for `If-Match`.', schema: { type: 'string' } },
  Location: { description: 'The path of what was made.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } },
  'Idempotency-Replayed': {
    description: '`true` when this is the stored answer to an earlier request with the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
};

const PARAMETERS: JsonObject = {
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'Entity tags; another current version is a 412. Absent or `*`: the last write wins.',
    schema: { type: 'string' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'On a read: entity tags that are known already; 304 when the current one is among them.',
    schema: { type: 'string' },
  },
  CreateOnly: {
    name: 'If-None-Match',
    in: 'header',
    description: '`*`: create only; 412 when it exists.',
    schema: { type: 'string', enum: ['*'] },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'A value of your own, such as a UUID: within 24 hours the same request with the same key is carried out once, and ' +
      'answered with what the first one was.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
};

const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'request_id', 'errors'],
  properties: {
    type: { type: 'string', description: 'Stable; each kind has a page at `/docs/problems/{kind}`.' },
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
        properties: {
          field: { type: 'string', description: 'Path of the field, such as `broker.port` or `actions[2].url`.' },
          message: { type: 'string' },
          variable: { type: 'string', description: 'The product variable that has no value yet.' },
        },
      },
    },
  },
};
