import { createConfig, lintFromString } from '@redocly/openapi-core';
import { printOpenApi } from '../cli/openapi.command';
import * as errors from './app-error';
import { PROBLEM_TYPES, problemUrn } from './problem-types';

interface Operation {
  operationId: string;
  responses: Record<string, { $ref?: string; headers?: object; content?: Record<string, unknown> }>;
  parameters: { $ref?: string }[];
}
interface Document {
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, unknown> };
}

describe('the OpenAPI document', () => {
  let source: string;
  let operations: Map<string, Operation>;
  let document: Document;

  beforeAll(async () => {
    const lines: string[] = [];
    await printOpenApi({ env: {}, out: (text: string) => lines.push(text) } as never);
    source = lines.join('\n');
    document = JSON.parse(source) as Document;
    operations = new Map(
      Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation] as const),
      ),
    );
  });

  it('passes the recommended rules of Redocly', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const problems = await lintFromString({ source, config });
    const found = problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);
    // Redirects have no 2xx, and a read by anybody that takes nothing has nothing to refuse.
    const expected = [...operations].flatMap(([key, { responses, parameters }]) => {
      const [method, path = ''] = key.split(' ');
      const place = `#/paths/${path.replaceAll('/', '~1')}/${method}/responses`;
      const statuses = Object.keys(responses);
      return [
        ...(statuses.some((status) => status.startsWith('3') && status !== '304')
          ? [`operation-2xx-response ${place}`]
          : []),
        ...(parameters.length === 0 && !statuses.includes('401') && method === 'get'
          ? [`operation-4xx-response ${place}`]
          : []),
      ];
    });
    expect(found.sort()).toEqual(expected.sort());
  });

  it('gives each operation a name that reads as what it does', () => {
    const ids = [...operations.values()].map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const idOf = (key: string) => operations.get(key)?.operationId;
    const p = '/api/v1/products/{product_id}';
    expect(idOf(`put ${p}/mqtt-config`)).toBe('updateMqttConfig');
    expect(idOf(`post ${p}/mqtt-config/subscriptions`)).toBe('createSubscription');
    expect(idOf(`get ${p}/brokers`)).toBe('listBrokers');
    expect(idOf('delete /api/v1/api-tokens/{id}')).toBe('revokeApiToken');
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z]*)*$/.test(id) || /By[A-Z]/.test(id))).toEqual(['acknowledgeByLink']);
  });

  it('names every kind of problem that the code can answer', () => {
    const kinds = Object.values(errors)
      .filter((type) => type.prototype instanceof errors.AppError)
      .map((type) => new (type as new (argument: never) => errors.AppError)([] as never).kind);
    expect(PROBLEM_TYPES.map(({ kind }) => kind).sort()).toEqual(kinds.sort());
    const responses = JSON.stringify(document.components.responses);
    for (const { kind, status } of PROBLEM_TYPES) {
      // No documented operation is asked with a method that it has not.
      if (status !== 405) expect(responses).toContain(problemUrn(kind));
    }
  });

  it('announces the headers that conditional and repeated requests need', () => {
    const refs = (key: string) => operations.get(key)?.parameters.map(({ $ref }) => $ref?.split('/').at(-1));
    const p = '/api/v1/products/{product_id}';
    expect(refs(`put ${p}/mqtt-config`)).toContain('IfMatch');
    expect(refs(`put ${p}/secrets/{name}`)).toEqual(expect.arrayContaining(['IfMatch', 'CreateOnly']));
    expect(refs('post /api/v1/products')).toContain('IdempotencyKey');
    expect(refs('patch /api/v1/users/{id}')).toContain('IfMatch');
    expect(operations.get('get /internal/v1/mqtt-config')?.responses).toHaveProperty('304');
    expect(Object.keys(operations.get(`get ${p}/mqtt-config/status/stream`)?.responses['200']?.content ?? {})).toEqual([
      'text/event-stream',
    ]);
  });

  it('answers every list in one form', () => {
    const arrays = [...operations].filter(([, { responses }]) =>
      JSON.stringify(responses['200']?.content ?? {}).includes('"schema":{"type":"array"'),
    );
    expect(arrays.map(([key]) => key)).toEqual([]);
  });
});
