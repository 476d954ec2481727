import type { JsonSchema } from '../../api/types';

/** How one field of an action is edited. */
export type FieldKind =
  | 'text'
  | 'multiline'
  | 'template'
  | 'multiline-template'
  | 'jsonata'
  | 'sql'
  | 'secret'
  | 'secrets'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'map'
  | 'text-list'
  | 'jsonata-list'
  | 'integer-list'
  | 'group'
  | 'json';

export interface FieldSpec {
  name: string;
  kind: FieldKind;
  label: string;
  help: string;
  required: boolean;
  choices: (string | number)[];
  minimum?: number;
  maximum?: number;
  /** Fields of a group. */
  fields: FieldSpec[];
}

/** Fields every action has; the editor places them itself. */
const COMMON = new Set(['id', 'type', 'name', 'enabled', 'when', 'input', 'retry', 'timeout_ms']);

/** Fields that few people need, kept out of the way. */
const RARE =
  /(_cert|_key)(_secret)?$|^(success_codes|priority|attempts|message_expiry_s|content_type|user_properties|batch|reply)$/;

export interface ActionFields {
  /** What makes this type, required ones first. */
  own: FieldSpec[];
  rare: FieldSpec[];
  /** `when` and `input`. */
  flow: FieldSpec[];
  /** `retry` and `timeout_ms`. */
  limits: FieldSpec[];
}

/** Turns the JSON Schema of an action type into the fields of its form. */
export function actionFields(schema: JsonSchema): ActionFields {
  const all = fieldsOf(schema);
  const own = all.filter((field) => !COMMON.has(field.name));
  return {
    own: own.filter((field) => field.required || !RARE.test(field.name)),
    rare: own.filter((field) => !field.required && RARE.test(field.name)),
    flow: all.filter((field) => field.name === 'when' || field.name === 'input'),
    limits: all.filter((field) => field.name === 'retry' || field.name === 'timeout_ms'),
  };
}

export function fieldsOf(schema: JsonSchema): FieldSpec[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    kind: kindOf(property),
    label: property.title ?? words(name),
    help: property.description ?? '',
    required: required.has(name),
    choices: (property.enum ?? []).filter(
      (one): one is string | number => typeof one === 'string' || typeof one === 'number',
    ),
    minimum: property.minimum,
    maximum: property.maximum,
    fields: kindOf(property) === 'group' ? fieldsOf(property) : [],
  }));
}

function kindOf(property: JsonSchema): FieldKind {
  const type = Array.isArray(property.type) ? property.type.find((one) => one !== 'null') : property.type;
  const editor = property['x-editor'];
  if (property.enum) return 'choice';
  switch (type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'number':
      return 'integer';
    case 'string':
      if (editor === 'jsonata') return 'jsonata';
      if (editor === 'secret') return 'secret';
      if (editor === 'sql') return 'sql';
      if (editor === 'template') return property['x-multiline'] ? 'multiline-template' : 'template';
      return property['x-multiline'] ? 'multiline' : 'text';
    case 'array':
      return listKind(property, editor);
    case 'object':
      if (property.properties) return 'group';
      return isTextMap(property) ? 'map' : 'json';
    default:
      return 'json';
  }
}

function listKind(property: JsonSchema, editor: JsonSchema['x-editor']): FieldKind {
  if (editor === 'secret') return 'secrets';
  if (editor === 'jsonata') return 'jsonata-list';
  switch (property.items?.type) {
    case 'string':
      return 'text-list';
    case 'integer':
    case 'number':
      return 'integer-list';
    default:
      return 'json';
  }
}

function isTextMap(property: JsonSchema): boolean {
  return typeof property.additionalProperties === 'object' && property.additionalProperties.type === 'string';
}

/** `job_name` → `Job name`, for a field without a title. */
function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether a value counts as not given, so that it is left out of what is saved. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
