import type { ClassConstructor } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage';
import { IS_OPTIONAL, ValidationTypes } from 'class-validator';
import { targetConstructorToSchema, validationMetadatasToSchemas } from 'class-validator-jsonschema';

export type JsonObject = Record<string, unknown>;

/** Put on a property that takes null, until {@link completed} has written it as JSON Schema does. */
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

/** Schemas of all classes that validate, by their names, with references to `#/components/schemas/`. */
export function componentSchemas(): Record<string, JsonObject> {
  const schemas = validationMetadatasToSchemas(SCHEMA_OPTIONS) as Record<string, JsonObject>;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, completed(name, schema)]));
}

/** Schemas of the fields of a class, and which of them have to be there. */
export function fieldsOf(type: ClassConstructor<object>): { name: string; required: boolean; schema: JsonObject }[] {
  const schema = targetConstructorToSchema(type, SCHEMA_OPTIONS);
  const required = new Set(schema.required ?? []);
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>);
  return properties.map(([name, { [TAKES_NULL]: _, ...property }]) => ({
    name,
    required: required.has(name),
    schema: property,
  }));
}

export function referenceTo(type: ClassConstructor<unknown>): JsonObject {
  return { $ref: `#/components/schemas/${type.name}` };
}

/** The schemas that `roots` refer to, themselves or by way of others. */
export function reachableSchemas(schemas: Record<string, JsonObject>, roots: unknown): Record<string, JsonObject> {
  const reached = new Set<string>();
  const open = [roots];
  while (open.length > 0) {
    for (const [, name = ''] of JSON.stringify(open.pop()).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (reached.has(name)) continue;
      reached.add(name);
      open.push(schemas[name] ?? {});
    }
  }
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => reached.has(name)));
}

/** Writes null as JSON Schema 2020-12 does. An answer (a `…View`) has every field, null where there is nothing. */
function completed(name: string, schema: JsonObject): JsonObject {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>);
  return {
    ...schema,
    properties: Object.fromEntries(
      properties.map(([field, { [TAKES_NULL]: takesNull, ...property }]) => [
        field,
        takesNull === true && Object.keys(property).length > 0
          ? { anyOf: [open(property), { type: 'null' }] }
          : open(property),
      ]),
    ),
    ...(name.endsWith('View') ? { required: properties.map(([field]) => field) } : {}),
  };
}

/** An object of which no field is declared may have any; generators take a bare `object` for one that has none. */
const open = (property: JsonObject): JsonObject =>
  property.type === 'object' && property.properties === undefined && property.additionalProperties === undefined
    ? { ...property, additionalProperties: true }
    : property;
