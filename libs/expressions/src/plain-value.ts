import { LimitReached } from './limits';

const MAX_DEPTH = 500;

/**
 * Turns what JSONata gives into plain JSON-compatible values: objects with the ordinary prototype (its own have none),
 * arrays without its markers, functions left out. Counts as it goes, since a small expression can yield a value that is
 * exponentially larger when written out. `undefined` stays: the expression found nothing.
 */
export function toPlainValue(value: unknown, maxChars: number): unknown {
  const budget = { left: maxChars, total: maxChars };
  return copy(value, budget, 0);
}

/** Whether a value written as JSON stays below `maxChars`, roughly; never takes longer than writing that much. */
export function fitsAsJson(value: unknown, maxChars: number): boolean {
  try {
    toPlainValue(value, maxChars);
    return true;
  } catch (error) {
    if (error instanceof LimitReached) return false;
    throw error;
  }
}

interface Budget {
  left: number;
  total: number;
}

function copy(value: unknown, budget: Budget, depth: number): unknown {
  spend(budget, typeof value === 'string' ? value.length + 2 : 4);
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) {
    throw new LimitReached('EXPRESSION_RESULT_LIMIT', `the result is nested more than ${MAX_DEPTH} levels deep`);
  }
  if (Array.isArray(value)) return value.map((item) => copy(item, budget, depth + 1) ?? null);
  if (isJsonataFunction(value)) return undefined;
  const plain: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    spend(budget, key.length + 3);
    const item = copy((value as Record<string, unknown>)[key], budget, depth + 1);
    if (item === undefined) continue;
    // A plain assignment to this name would set the prototype.
    if (key === '__proto__') {
      Object.defineProperty(plain, key, { value: item, enumerable: true, configurable: true, writable: true });
    } else {
      plain[key] = item;
    }
  }
  return plain;
}

function spend(budget: Budget, chars: number): void {
  budget.left -= chars;
  if (budget.left < 0) {
    throw new LimitReached('EXPRESSION_RESULT_LIMIT', `the result is larger than ${budget.total} characters`);
  }
}

function isJsonataFunction(value: object): boolean {
  return (
    ('_jsonata_function' in value && value._jsonata_function === true) ||
    ('_jsonata_lambda' in value && value._jsonata_lambda === true)
  );
}
