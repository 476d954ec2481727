import { REDACTED } from './redact-text';
import { isSensitiveKey } from './sensitive-keys';

export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/** Bounds of one log line; what lies beyond is cut off and said to be. */
const MAX_DEPTH = 12;
const MAX_NODES = 5_000;
const MAX_TEXT = 32_768;
const MAX_TEXT_IN_ALL = 262_144;
const TOO_LARGE = '[too large]';

interface Walk {
  text(value: string): string;
  /** Objects between the root and here, to tell a cycle from a repetition. */
  path: Set<object>;
  nodes: number;
  characters: number;
}

/** Any value as plain JSON, secrets hidden. Never throws: what cannot be read is said to be unreadable. */
export function toPlain(value: unknown, redactText: (text: string) => string): Plain {
  const walk: Walk = {
    text: (t) => {
      if (walk.characters > MAX_TEXT_IN_ALL) return TOO_LARGE;
      const shown = cut(redactText(t));
      walk.characters += shown.length;
      return shown;
    },
    path: new Set(),
    nodes: 0,
    characters: 0,
  };
  return visit(value, walk);
}

function visit(value: unknown, walk: Walk): Plain {
  walk.nodes += 1;
  switch (typeof value) {
    case 'string':
      return walk.text(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'undefined':
      return null;
    case 'bigint':
      return walk.text(String(value));
    case 'symbol':
      return walk.text(String(value));
    case 'function':
      return '[function]';
    case 'object':
      return value === null ? null : visitObject(value, walk);
    default:
      return '[unknown]';
  }
}

function visitObject(value: object, walk: Walk): Plain {
  if (walk.path.has(value)) return '[circular]';
  if (walk.path.size >= MAX_DEPTH) return '[too deep]';
  walk.path.add(value);
  try {
    return describe(value, walk);
  } catch {
    return '[unreadable]'; // a getter, proxy or toJSON that throws must not cost the log line
  } finally {
    walk.path.delete(value);
  }
}

function describe(value: object, walk: Walk): Plain {
  if (value instanceof Error) return describeError(value, walk);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof URL || value instanceof RegExp) return walk.text(String(value));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value) || value instanceof Set) return items(value, walk);
  if (value instanceof Map) {
    return fields(
      [...value].map(([k, v]) => [String(k), () => v]),
      walk,
    );
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return visit(value.toJSON(), walk);
  return fields(
    Object.keys(value).map((key) => [key, () => (value as Record<string, unknown>)[key]]),
    walk,
  );
}

/** Fields of a failed statement that repeat its values: rows, payloads and hashes are nobody's business in a log. */
const VALUES_OF_A_STATEMENT = ['parameters', 'detail', 'where', 'internalQuery'];

/** PostgreSQL's errors, and TypeORM's around them. */
function isOfDatabase(error: Error): boolean {
  return ('severity' in error && 'code' in error) || ('query' in error && 'parameters' in error);
}

/** Name, message, stack and cause are not enumerable, so an error needs more than its own keys. */
function describeError(error: Error, walk: Walk): Plain {
  const hidden = isOfDatabase(error) ? VALUES_OF_A_STATEMENT : [];
  const known = ['name', 'message', 'stack', 'cause', 'errors', ...hidden];
  const own = Object.keys(error).filter((key) => !known.includes(key));
  const entries: Entry[] = [
    ['name', () => error.name],
    ['message', () => error.message],
    ...own.map((key): Entry => [key, () => (error as unknown as Record<string, unknown>)[key]]),
    ['stack', () => error.stack],
    ['cause', () => error.cause],
  ];
  if (error instanceof AggregateError) entries.push(['errors', () => error.errors]);
  return fields(entries, walk);
}

/** Values are read one by one, so that a getter that throws costs one field. */
type Entry = [key: string, read: () => unknown];

function items(values: Iterable<unknown>, walk: Walk): Plain {
  const plain: Plain[] = [];
  for (const value of values) {
    if (walk.nodes >= MAX_NODES) {
      plain.push(TOO_LARGE);
      break;
    }
    plain.push(visit(value, walk));
  }
  return plain;
}

/** Undefined fields are left out. */
function fields(entries: readonly Entry[], walk: Walk): Plain {
  const plain: { [key: string]: Plain } = Object.create(null) as { [key: string]: Plain };
  for (const [key, read] of entries) {
    if (walk.nodes >= MAX_NODES) {
      plain['…'] = TOO_LARGE;
      break;
    }
    const value = attempt(read);
    if (value === undefined) continue;
    plain[walk.text(key)] = isSensitiveKey(key) && hides(value) ? REDACTED : visit(value, walk);
  }
  return plain;
}

/** `password: null` and `token: true` say that there is none, or one; neither is a secret. */
function hides(value: unknown): boolean {
  return value !== null && value !== '' && typeof value !== 'boolean';
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return '[unreadable]';
  }
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT)}… (${text.length - MAX_TEXT} more characters)`;
}
