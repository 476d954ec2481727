import type { FieldFault } from '@cortex-mqtt/contracts';

/** Deeper than anything a person writes, and far from what recursion in a library can take. */
const MAX_DEPTH = 64;
/** Names that every object has already: assigning to the first changes the prototype, and libraries trust the second. */
const FORBIDDEN_KEYS: readonly string[] = ['__proto__', 'constructor'];
const FAULTS_NAMED = 10;
const NUL = /\0/g;

/**
 * Faults of JSON that no field may have: nesting beyond 64 levels, keys named `__proto__` or `constructor`, and texts that Postgres can't hold
 * (NUL, lone surrogates). Looked for before any library walks the value. It walks without recursion itself.
 */
export function hostileFaults(input: unknown): FieldFault[] {
  const faults: FieldFault[] = [];
  walk(input, (field, message) => faults.push({ field, message }));
  return faults;
}

/**
 * The same for what a listener sends, where texts come from brokers and destinations: a text that Postgres can't hold gets
 * U+FFFD in place of what is wrong, in `input` itself, because a report must not be lost over an error text.
 */
export function cleanTexts(input: unknown): FieldFault[] {
  const faults: FieldFault[] = [];
  walk(
    input,
    (field, message) => faults.push({ field, message }),
    (text) => text.replace(NUL, '\ufffd').toWellFormed(),
  );
  return faults;
}

interface Place {
  value: unknown;
  path: string;
  depth: number;
}

function walk(
  input: unknown,
  report: (field: string, message: string) => void,
  clean?: (text: string) => string,
): void {
  const places: Place[] = [{ value: input, path: '', depth: 0 }];
  let reported = 0;
  const fault = (field: string, message: string): void => {
    reported += 1;
    report(field, message);
  };
  for (let place = places.pop(); place !== undefined && reported < FAULTS_NAMED; place = places.pop()) {
    const { value, path, depth } = place;
    if (typeof value === 'string' && clean === undefined) checkText(value, path, fault);
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= MAX_DEPTH) {
      fault('', `must not be nested deeper than ${MAX_DEPTH} levels`);
      return;
    }
    const container = value as Record<string, unknown>;
    for (const key of Object.keys(container)) {
      const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      if (FORBIDDEN_KEYS.includes(key)) {
        fault(path, `must not have a field named ${key}`);
        continue;
      }
      const inner = container[key];
      if (clean !== undefined && typeof inner === 'string') container[key] = clean(inner);
      checkText(key, path, fault);
      places.push({ value: inner, path: below, depth: depth + 1 });
    }
  }
}

function checkText(text: string, field: string, fault: (field: string, message: string) => void): void {
  if (text.includes('\0')) fault(field, 'must not contain the null character');
  else if (!text.isWellFormed()) fault(field, 'must be well-formed Unicode: it has half of a surrogate pair');
}
