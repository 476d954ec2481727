import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { checkExpression } from './check-expression';
import { type CompiledExpression, createCompiler, isLimit } from './compiled-expression';
import { rawPayloadOf } from './envelope';
import { type EvaluationScope, evaluateExactly, plainScope } from './exact-evaluation';
import { ExactValue } from './exact-value';
import type { Moment } from './evaluation-moment';
import { extrasOf } from './envelope-extras';
import { ExpressionError } from './expression-error';
import { DEFAULT_LIMITS, type ExpressionLimits, inlineBounds } from './limits';
import { LruCache } from './lru-cache';
import { createSandboxPool } from './sandbox-pool';
import type { SandboxInput } from './sandbox-protocol';

export interface EvaluateOptions {
  /** Values that an expression reads as `$name`; JSON-compatible, or ExactValue. */
  bindings?: Record<string, unknown>;
  /** What time and chance go by; of the envelope when that is the input. */
  moment?: Moment;
}

/** Evaluates JSONata over messages, each evaluation bounded in time and memory. */
export interface ExpressionEngine {
  /**
   * The value as plain JSON, undefined when the expression finds nothing. `input` is an envelope or any JSON value.
   * Rejects with ExpressionError (permanent), PayloadDecodeError (permanent) or SandboxUnavailableError (not).
   */
  evaluate(source: string, input: unknown, options?: EvaluateOptions): Promise<unknown>;
  /**
   * As `evaluate`, and numbers that are only moved keep the digits they came with. `input` may be an ExactValue as well. Rejects
   * for a number that is too large to compute with, too.
   */
  evaluateExact(source: string, input: unknown, options?: EvaluateOptions): Promise<ExactValue | undefined>;
  /** As `evaluate`, and then as JSONata's `$boolean` has it. */
  test(source: string, input: unknown, options?: EvaluateOptions): Promise<boolean>;
  /**
   * Checks all of them in a process of its own, within the time that one evaluation has, and tells nothing but whether that was
   * enough: null, or the reason why it wasn't. What passes may be checked in this thread without anybody noticing.
   */
  vet(sources: { expressions: readonly string[]; templates: readonly string[] }): Promise<string | null>;
  stop(): Promise<void>;
}

/** An expression that leaves its inline bounds this often in a row goes to the sandbox directly. */
const MAX_OVERFLOWS = 3;
/** Payloads above this are decoded in the sandbox. */
const MAX_INLINE_PAYLOAD_BYTES = 1_048_576;

/** Of all that is checked at once. */
const MAX_VETTED_CHARS = 500_000;
/** So little can't take long, whatever it is: the bounds of a single expression see to that. */
const UNVETTED_CHARS = 1_000;

/** An evaluation has left its inline bounds. */
const OVERFLOW = Symbol('overflow');

interface Entry {
  /** null: sandbox only. */
  inline: CompiledExpression | null;
  overflows: number;
}

/**
 * Cheap expressions run in this thread under bounds so tight that nobody notices; all others, and those that leave these
 * bounds, in sandbox processes. An expression has no effects, so beginning it again elsewhere is safe.
 */
export function createExpressionEngine({
  limits: given,
}: {
  limits?: Partial<ExpressionLimits>;
} = {}): ExpressionEngine {
  const limits: ExpressionLimits = { ...DEFAULT_LIMITS, ...given };
  const compile = createCompiler(inlineBounds(limits));
  const cache = new LruCache<string, Promise<Entry>>(limits.cached_expressions);
  const sandboxes = createSandboxPool(limits);

  function entryOf(source: string): Promise<Entry> {
    const known = cache.get(source);
    if (known) return known;
    const made = makeEntry(source);
    // A fault is cached as well: it costs a parse to find out, and the same text has the same fault.
    made.catch(() => {});
    cache.set(source, made);
    return made;
  }

  async function makeEntry(source: string): Promise<Entry> {
    const check = checkExpression(source);
    if (!check.ok) throw new ExpressionError(check.fault.code, check.fault.message, check.fault.position);
    return { inline: check.runs === 'inline' ? await compile(source) : null, overflows: 0 };
  }

  async function evaluate(
    source: string,
    scope: EvaluationScope,
    { is_exact, moment }: { is_exact: boolean; moment: Moment | null },
  ): Promise<ExactValue | undefined> {
    const entry = await entryOf(source);
    if (entry.inline && entry.overflows < MAX_OVERFLOWS && payloadBytes(scope.input) <= MAX_INLINE_PAYLOAD_BYTES) {
      const expression = entry.inline;
      const run = ({ input, bindings }: EvaluationScope) => expression.evaluate(input, bindings, moment);
      const inline = await evaluateInline(entry, async () => {
        if (is_exact) return evaluateExactly(scope, run);
        const value = await run(plainScope(scope));
        return value === undefined ? undefined : new ExactValue(value, null, 'none');
      });
      if (inline !== OVERFLOW) return inline;
    }
    return sandboxes.evaluate({
      source,
      input: sandboxInput(scope.input),
      bindings: jsonTexts(scope.bindings),
      is_exact,
      moment: moment && { at_ms: moment.at_ms, seed: moment.seed },
    });
  }

  async function evaluateInline<T>(entry: Entry, work: () => Promise<T>): Promise<T | typeof OVERFLOW> {
    for (;;) {
      try {
        const value = await work();
        entry.overflows = 0;
        return value;
      } catch (error) {
        if (!(error instanceof ExpressionError) || !isLimit(error)) throw error;
        entry.overflows += 1;
        // The first time it may have been the garbage collector's or another process's time.
        if (error.code !== 'EXPRESSION_TIME_LIMIT' || entry.overflows > 1) return OVERFLOW;
      }
    }
  }

  const plain: ExpressionEngine['evaluate'] = async (source, input, { bindings = {}, moment } = {}) =>
    (await evaluate(source, { input, bindings }, { is_exact: false, moment: moment ?? momentOf(input) }))?.value;

  return {
    evaluate: plain,
    evaluateExact: (source, input, { bindings = {}, moment } = {}) =>
      evaluate(source, { input, bindings }, { is_exact: true, moment: moment ?? momentOf(input) }),
    test: async (source, input, options) => isTrue(await plain(source, input, options)),
    vet: async ({ expressions, templates }) => {
      const chars = [...expressions, ...templates].reduce((sum, text) => sum + text.length, 0);
      if (chars > MAX_VETTED_CHARS)
        return `expressions and templates have ${MAX_VETTED_CHARS} characters at most in all`;
      if (chars < UNVETTED_CHARS) return null;
      try {
        await sandboxes.evaluate({ expressions, templates });
        return null;
      } catch (error) {
        if (error instanceof ExpressionError)
          return 'the expressions take too long to check: use fewer or simpler ones';
        throw error;
      }
    },
    stop: () => sandboxes.stop(),
  };
}

/** An envelope's own time and id, worked out when a function asks for them: most don't. */
class EnvelopeMoment implements Moment {
  constructor(private readonly envelope: MessageEnvelope) {}

  get at_ms(): number {
    return Date.parse(this.envelope.received_at);
  }

  get seed(): string {
    return this.envelope.id;
  }
}

function momentOf(input: unknown): Moment | null {
  return isObject(input) && rawPayloadOf(input) !== undefined ? new EnvelopeMoment(input as MessageEnvelope) : null;
}

function jsonTexts(bindings: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(bindings)) {
    if (value !== undefined) texts[name] = value instanceof ExactValue ? value.json : JSON.stringify(value);
  }
  return texts;
}

function payloadBytes(input: unknown): number {
  return (isObject(input) && rawPayloadOf(input)?.bytes.length) || 0;
}

function sandboxInput(input: unknown): SandboxInput {
  if (input instanceof ExactValue) return { kind: 'value', json: input.json };
  const raw = isObject(input) ? rawPayloadOf(input) : undefined;
  if (raw === undefined) return { kind: 'value', json: input === undefined ? null : JSON.stringify(input) };
  const { id, product_id, subscription_id, topic, params, qos, retain, duplicate, user_properties, received_at } =
    input as MessageEnvelope;
  const fields = {
    id,
    product_id,
    subscription_id,
    topic,
    params,
    qos,
    retain,
    duplicate,
    user_properties,
    received_at,
    ...extrasOf(input as MessageEnvelope),
  };
  return { kind: 'envelope', fields: JSON.stringify(fields), bytes: raw.bytes, format: raw.format };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** JSONata's `$boolean` on a plain value: empty texts, arrays and objects are false, so is an array of such. */
export function isTrue(value: unknown): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'number':
      return value !== 0;
    case 'string':
      return value !== '';
    case 'object':
      if (value === null) return false;
      return Array.isArray(value) ? value.some(isTrue) : Object.keys(value).length > 0;
    default:
      return false;
  }
}
