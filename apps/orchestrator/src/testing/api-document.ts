/** What tests read of the OpenAPI document. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minItems?: number;
  minimum?: number;
}

export interface Operation {
  method: string;
  path: string;
  'x-access': string;
  parameters: { name: string; in: 'path' | 'query' }[];
  requestBody?: { content: { 'application/json'?: { schema: Schema } } };
}

export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method, path })),
  );
}

/** A schema without its reference and its null. */
export function resolved(document: ApiDocument, schema: Schema): Schema {
  const bare = schema.anyOf?.find((one) => one.type !== 'null') ?? schema;
  return bare.$ref === undefined ? bare : (document.components.schemas[bare.$ref.split('/').at(-1) ?? ''] ?? {});
}

/** Something that fits a schema, as far as the schema says. */
export function sample(document: ApiDocument, schema: Schema, depth = 0): unknown {
  const { type, format, enum: choices, items, minItems = 0, minimum = 1, ...object } = resolved(document, schema);
  const { properties = {}, required = [] } = object;
  if (choices !== undefined) return choices[0];
  switch (type) {
    case 'string':
      return format === 'email' ? 'a@example.com' : format === 'date-time' ? '2026-01-01T00:00:00Z' : 'sample-text-1';
    case 'integer':
    case 'number':
      return minimum;
    case 'boolean':
      return false;
    case 'array':
      return items !== undefined && minItems > 0 && depth < 4 ? [sample(document, items, depth + 1)] : [];
    default:
      return Object.fromEntries(required.map((name) => [name, sample(document, properties[name] ?? {}, depth + 1)]));
  }
}
