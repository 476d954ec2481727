import type { ActionDefinition, MessageEnvelope } from '@cortex-mqtt/contracts';
import type { ExactValue, ExpressionEngine, TemplateScope } from '@cortex-mqtt/expressions';
import type { AnyAction } from './action-definition';
import { ActionFault, presentableFault } from './action-fault';
import { actionTypeOf, type RegisteredAction } from './action-registry';
import type { ActionRuntime } from './action-runtime';
import type { ActionOutcome, Prepare, PrepareContext } from './action-type';
import type { AttemptContext } from './attempt-context';
import type { ItemOutcome } from './batch/batch-method';
import { batchOf } from './batch/batch-settings';

/** Milliseconds an attempt may take when its definition says nothing. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** What an action is run with, for one message. */
export interface ActionScope {
  /** Its `id` is the idempotency id of (message, subscription, action). */
  envelope: MessageEnvelope;
  content_type: string | null;
  topic_filter: string | null;
  secrets: TemplateScope['secrets'];
}

export type PreparedAction =
  /** `when` was not true. */
  { kind: 'skipped' } | ReadyAction;

export interface ReadyAction {
  kind: 'ready';
  action: CompiledAction;
  prepared: unknown;
  /** Where it goes, as its type names it. */
  destination: string;
}

/**
 * A definition and what is worked out of it once. What is wrong with it fails the message that needs it, not the revision it
 * came with.
 */
export class CompiledAction {
  private prepareOne: Prepare<unknown> | null = null;
  /** undefined: this version has no such type. */
  private readonly known_type: RegisteredAction | undefined;
  /** Evaluates something before it is prepared. */
  readonly has_expressions: boolean;
  readonly timeout_ms: number;
  /** It sends several messages at once. */
  readonly is_batched: boolean;

  constructor(readonly definition: ActionDefinition) {
    this.known_type = actionTypeOf(definition.type);
    this.has_expressions = definition.when != null || definition.input != null;
    this.timeout_ms = definition.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    this.is_batched = this.known_type?.batch !== undefined && batchOf(definition) !== null;
  }

  /** Throws ActionFault for a type that is not known. */
  get type(): RegisteredAction {
    if (this.known_type !== undefined) return this.known_type;
    throw new ActionFault(`this listener knows no action of type "${this.definition.type}"`, {
      permanent: true,
      detail: { code: 'UNKNOWN_ACTION_TYPE' },
    });
  }

  /** Throws or rejects as `Prepare` does, and with ExpressionError when the definition can't be compiled. */
  prepare(context: PrepareContext): ReadyAction | Promise<ReadyAction> {
    this.prepareOne ??= this.type.compile(this.definition as AnyAction);
    const prepared: unknown = this.prepareOne(context);
    return prepared instanceof Promise ? prepared.then((value: unknown) => this.ready(value)) : this.ready(prepared);
  }

  private ready(prepared: unknown): ReadyAction {
    return { kind: 'ready', action: this, prepared, destination: this.type.destination(prepared) };
  }
}

export interface ActionResult {
  status: 'succeeded' | 'skipped';
  /** Where it went; null when it was skipped. */
  destination: string | null;
  detail: Record<string, unknown>;
}

export interface ActionRunner {
  /**
   * Evaluates `when` and `input` and prepares what would be sent; a promise only where there is something to wait for.
   * Throws or rejects with what went wrong; `faultOf` tells what it means.
   */
  prepare(action: CompiledAction, scope: ActionScope): PreparedAction | Promise<PreparedAction>;
  /** Sends what was prepared; a promise only where there is something to wait for. Throws or rejects in the same way. */
  execute(ready: ReadyAction, options: AttemptOptions): ActionOutcome | Promise<ActionOutcome>;
  /** The same for several of one action, as one. Resolves with the outcome of each. */
  executeBatch(
    ready: readonly ReadyAction[],
    options: Omit<AttemptOptions, 'attempt'>,
  ): Promise<readonly ItemOutcome[]>;
  /** What an attempt failed with, free of secrets and of what can't be stored. */
  faultOf(error: unknown): ActionFault;
  /** One attempt, from `when` to the destination's answer. Throws ActionFault. */
  run(action: ActionDefinition, scope: ActionScope, options: AttemptOptions): Promise<ActionResult>;
}

export interface AttemptOptions {
  /** 1 for the first. */
  attempt: number;
  /** Aborted when the listener stops. */
  signal?: AbortSignal;
  /** Absent: nothing is traced. */
  trace?: AttemptContext | null;
}

export function createActionRunner({
  engine,
  runtime,
  redact,
}: {
  engine: ExpressionEngine;
  runtime: ActionRuntime;
  /** Hides the product's secrets in a text. */
  redact: (text: string) => string;
}): ActionRunner {
  const faultOf: ActionRunner['faultOf'] = (error) => presentableFault(error, redact);

  const prepare: ActionRunner['prepare'] = (action, scope) => prepareAction(action, scope, engine);

  // Each type keeps the limit itself: a timer here as well would cost every attempt, and could not tell the phase.
  const execute: ActionRunner['execute'] = ({ action, prepared }, { attempt, signal, trace }) =>
    action.type.execute(prepared, runtime, { signal, attempt, timeout_ms: action.timeout_ms, trace });

  const executeBatch: ActionRunner['executeBatch'] = async (ready, { signal }) => {
    const [first] = ready;
    if (first === undefined) return [];
    const { action } = first;
    const { batch } = action.type;
    if (batch === undefined) throw new Error(`an action of type "${action.definition.type}" sends no batches`);
    const items = ready.map(({ prepared }) => prepared);
    return batch.execute(items, runtime, { signal, attempt: 1, timeout_ms: action.timeout_ms });
  };

  return {
    prepare,
    execute,
    executeBatch,
    faultOf,
    run: async (action, scope, options) => {
      try {
        const ready = await prepare(new CompiledAction(action), scope);
        if (ready.kind === 'skipped') return { status: 'skipped', destination: null, detail: {} };
        if (ready.action.is_batched) {
          const [outcome] = await executeBatch([ready], options);
          if (outcome === undefined || outcome instanceof ActionFault) throw outcome ?? new Error('no outcome');
          return { status: 'succeeded', destination: ready.destination, detail: outcome.detail };
        }
        const { detail } = await execute(ready, options);
        return { status: 'succeeded', destination: ready.destination, detail };
      } catch (error) {
        throw faultOf(error);
      }
    },
  };
}

function prepareAction(
  action: CompiledAction,
  scope: ActionScope,
  engine: ExpressionEngine,
): PreparedAction | Promise<PreparedAction> {
  if (action.has_expressions) return prepareAfterExpressions(action, scope, engine);
  return action.prepare(contextOf(scope, engine, undefined));
}

async function prepareAfterExpressions(
  action: CompiledAction,
  scope: ActionScope,
  engine: ExpressionEngine,
): Promise<PreparedAction> {
  const { definition } = action;
  if (definition.when != null && !(await engine.test(definition.when, scope.envelope))) return { kind: 'skipped' };
  const input = await inputOf(definition, scope, engine);
  return action.prepare(contextOf(scope, engine, input));
}

/** Value of the action's `input`; undefined when it has none. */
export async function inputOf(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
): Promise<ExactValue | undefined> {
  if (action.input == null) return undefined;
  const value = await engine.evaluateExact(action.input, scope.envelope);
  if (value !== undefined) return value;
  throw new ActionFault('the input expression found nothing to send', {
    permanent: true,
    detail: { code: 'INPUT_EMPTY' },
  });
}

/** What an action's type is given for one message. `input`: undefined when the action has none. */
export function contextOf(
  { envelope, content_type, topic_filter, secrets }: ActionScope,
  engine: ExpressionEngine,
  input: ExactValue | undefined,
): PrepareContext {
  return { envelope, content_type, topic_filter, secrets, input, engine };
}
