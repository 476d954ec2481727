import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { isLimit } from './compiled-expression';
import { createEnvelope, jsonTextOf, ownProperties } from './envelope';
import { exactJson, ExactValue, withMarkedNumbers } from './exact-value';
import { ExpressionError } from './expression-error';
import { greatestChange, type NumberChange } from './json-numbers';

/** What an expression is evaluated over, `bindings` being what it reads as `$name`. */
export interface EvaluationScope {
  /** An envelope or any JSON value. */
  input: unknown;
  bindings: Readonly<Record<string, unknown>>;
}

/** The scope as JSONata sees it. */
export function plainScope({ input, bindings }: EvaluationScope): EvaluationScope {
  return { input: plainOf(input), bindings: mapValues(bindings, plainOf) };
}

/**
 * Evaluates so that numbers which are only moved keep their digits. Only where the scope has numbers that parsing changes it
 * takes a second evaluation, or a third. `run` gets the scope as JSONata sees it. Throws ExpressionError, also for a number
 * beyond what a double can hold.
 */
export async function evaluateExactly(
  scope: EvaluationScope,
  run: (scope: EvaluationScope) => Promise<unknown>,
): Promise<ExactValue | undefined> {
  const value = await run(plainScope(scope));
  if (value === undefined) return undefined;
  const change = greatestOf([scope.input, ...Object.values(scope.bindings)]);
  if (change === 'none') return new ExactValue(value, null, 'none');
  // All of them first. An expression that computes with a price may still only move an identifier.
  for (const which of change === 'rounded' ? (['rewritten', 'rounded'] as const) : (['rewritten'] as const)) {
    const marked = await runMarked(scope, which, run);
    const exact = marked === undefined ? null : exactJson(value, marked);
    // Parsed again: texts have their digits now, and only numbers can't hold them.
    if (exact !== null)
      return new ExactValue(JSON.parse(exact.json), exact.json, exact.keeps_rounded ? 'kept' : 'none');
  }
  if (change === 'rounded') refuseInfinite(value);
  return new ExactValue(value, null, change === 'rounded' ? 'lost' : 'none');
}

async function runMarked(
  { input, bindings }: EvaluationScope,
  which: Exclude<NumberChange, 'none'>,
  run: (scope: EvaluationScope) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await run({
      input: markedOf(input, which),
      bindings: mapValues(bindings, (value) => markedOf(value, which)),
    });
  } catch (error) {
    // A text where a number was wanted: the expression computes.
    if (error instanceof ExpressionError && !isLimit(error)) return undefined;
    throw error;
  }
}

const plainOf = (value: unknown): unknown => (value instanceof ExactValue ? value.value : ownProperties(value));

function markedOf(value: unknown, which: Exclude<NumberChange, 'none'>): unknown {
  const text = textOf(value);
  if (text === null) return plainOf(value);
  const marked = withMarkedNumbers(text, which);
  if (value instanceof ExactValue) return JSON.parse(marked);
  return createEnvelope(value as MessageEnvelope, { bytes: Buffer.from(marked), format: 'json' });
}

function textOf(value: unknown): string | null {
  if (value instanceof ExactValue) return value.has_own_text ? value.json : null;
  return typeof value === 'object' && value !== null ? jsonTextOf(value as MessageEnvelope) : null;
}

function greatestOf(values: readonly unknown[]): NumberChange {
  let greatest: NumberChange = 'none';
  for (const value of values) {
    const text = textOf(value);
    const change = text === null ? 'none' : greatestChange(text);
    if (change === 'rounded' || greatest === 'none') greatest = change;
  }
  return greatest;
}

/** JSON has no infinity: it would become null. */
function refuseInfinite(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new ExpressionError(
      'NUMBER_TOO_LARGE',
      'the expression computes with a number that is too large; a path by itself keeps its digits',
    );
  }
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuseInfinite);
}

function mapValues<T>(record: Readonly<Record<string, unknown>>, map: (value: unknown) => T): Record<string, T> {
  const mapped: Record<string, T> = {};
  for (const name in record) mapped[name] = map(record[name]);
  return mapped;
}
