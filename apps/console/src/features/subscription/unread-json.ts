import type { ActionDefinition } from '../../api/types';

/** Stands in a draft for a JSON field whose text can't be read yet, so that nothing typed is lost. It is never sent. */
interface UnreadJson {
  unread_json: string;
}

/** What a JSON field holds: its value, nothing when it is empty, or the text itself when it is not JSON. */
export function readJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  return jsonFault(text) === null ? JSON.parse(text) : ({ unread_json: text } satisfies UnreadJson);
}

/** The text of a JSON field, as `readJson` takes it. */
export function jsonText(value: unknown): string {
  if (isUnread(value)) return value.unread_json;
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
}

/** Why fields of actions can't be read, by the name that the API gives the field: `actions[0].body` → reason. */
export function unreadFaults(actions: ActionDefinition[]): Record<string, string> {
  return Object.fromEntries(actions.flatMap((action, index) => faultsIn(action, `actions[${index}]`)));
}

function faultsIn(value: unknown, name: string): [string, string][] {
  if (isUnread(value)) return [[name, jsonFault(value.unread_json) ?? '']];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => faultsIn(inner, `${name}.${field}`));
}

function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

function isUnread(value: unknown): value is UnreadJson {
  return (
    typeof value === 'object' &&
    value !== null &&
    'unread_json' in value &&
    typeof value.unread_json === 'string' &&
    Object.keys(value).length === 1
  );
}
