import { componentSchemas } from '../../http/openapi-schemas';
import { ProductDocumentDto } from './product-document.dto';

type JsonObject = Record<string, unknown>;

const REFERENCE = '#/components/schemas/';

/** What a secret may be in a file; `env` and `file` are read by whoever reads the file. */
const SECRET_REFERENCE: JsonObject = {
  oneOf: ['secret', 'env', 'file'].map((field) => ({
    type: 'object',
    required: [field],
    properties: { [field]: { type: 'string', minLength: 1 } },
    additionalProperties: false,
  })),
};

/** JSON Schema (2020-12) of a document in a file, from the classes that validate it. */
export function documentSchema(): JsonObject {
  const all = componentSchemas() as Record<string, JsonObject>;
  const definitions: Record<string, JsonObject> = { SecretReferenceDto: SECRET_REFERENCE };
  collect(ProductDocumentDto.name, all, definitions);
  const { [ProductDocumentDto.name]: root, ...$defs } = definitions;
  const properties = (root?.properties ?? {}) as Record<string, JsonObject>;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A product of cortex-mqtt',
    ...root,
    properties: {
      ...properties,
      secrets: { type: 'object', additionalProperties: { $ref: '#/$defs/SecretReferenceDto' } },
    },
    $defs,
  };
}

function collect(name: string, all: Record<string, JsonObject>, into: Record<string, JsonObject>): void {
  const schema = all[name];
  if (schema === undefined || name in into) return;
  into[name] = {};
  // An unknown field is refused by the server: an editor underlines it.
  into[name] = { ...(withLocalReferences(schema, all, into) as JsonObject), additionalProperties: false };
}

function withLocalReferences(
  value: unknown,
  all: Record<string, JsonObject>,
  into: Record<string, JsonObject>,
): unknown {
  if (Array.isArray(value)) return value.map((item) => withLocalReferences(item, all, into));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => {
      if (field !== '$ref' || typeof inner !== 'string' || !inner.startsWith(REFERENCE)) {
        return [field, withLocalReferences(inner, all, into)];
      }
      const name = inner.slice(REFERENCE.length);
      collect(name, all, into);
      return [field, `#/$defs/${name}`];
    }),
  );
}
