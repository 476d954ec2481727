import type { ActionDefinition, MessageEnvelope } from '@cortex-mqtt/contracts';
import type { ExpressionEngine, TemplateScope } from '@cortex-mqtt/expressions';
import { ActionFault, toActionFault } from './action-fault';
import { actionTypeOf, type RegisteredAction } from './action-registry';
import type { ActionRuntime } from './action-runtime';
import type { AnyAction } from './action-definition';
import type { PrepareContext } from './action-type';

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
  { kind: 'skipped' } | { kind: 'ready'; type: RegisteredAction; prepared: unknown; destination: string };

type ReadyAction = Extract<PreparedAction, { kind: 'ready' }>;

export interface ActionResult {
  status: 'succeeded' | 'skipped';
  /** Where it went; null when it was skipped. */
  destination: string | null;
  detail: Record<string, unknown>;
}

export interface ActionRunner {
  /**
   * Evaluates `when` and `input` and prepares what would be sent; a promise only where there is something to wait for.
   * Throws or rejects with what went wrong; `toActionFault` tells what it means.
   */
  prepare(action: ActionDefinition, scope: ActionScope): PreparedAction | Promise<PreparedAction>;
  /** Sends what was prepared; a promise only where there is something to wait for. Throws or rejects in the same way. */
  execute(
    action: ActionDefinition,
    ready: Extract<PreparedAction, { kind: 'ready' }>,
    options: AttemptOptions,
  ): ActionResult | Promise<ActionResult>;
  /** One attempt, from `when` to the destination's answer. Throws ActionFault. */
  run(action: ActionDefinition, scope: ActionScope, options: AttemptOptions): Promise<ActionResult>;
}

export interface AttemptOptions {
  /** 1 for the first. */
  attempt: number;
  /** Aborted when the listener stops. */
  signal?: AbortSignal;
}

/** Milliseconds an attempt may take when its definition says nothing. */
export const DEFAULT_TIMEOUT_MS = 10_000;

export function createActionRunner({
  engine,
  runtime,
}: {
  engine: ExpressionEngine;
  runtime: ActionRuntime;
}): ActionRunner {
  const prepare: ActionRunner['prepare'] = (action, scope) => prepareAction(action, scope, engine);

  const execute: ActionRunner['execute'] = (action, { type, prepared, destination }, { attempt, signal }) => {
    // Each type keeps the limit itself: a timer here as well would cost every attempt, and could not tell the phase.
    const timeout_ms = action.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    const outcome = type.execute(prepared, runtime, { signal, attempt, timeout_ms });
    return outcome instanceof Promise
      ? outcome.then(({ detail }) => ({ status: 'succeeded', destination, detail }))
      : { status: 'succeeded', destination, detail: outcome.detail };
  };

  return {
    prepare,
    execute,
    run: async (action, scope, options) => {
      try {
        const ready = await prepare(action, scope);
        if (ready.kind === 'skipped') return { status: 'skipped', destination: null, detail: {} };
        return await execute(action, ready, options);
      } catch (error) {
        throw toActionFault(error);
      }
    },
  };
}

/** The part of an action that has no effect, shared with the dry run. */
export function prepareAction(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
): PreparedAction | Promise<PreparedAction> {
  if (action.when == null && action.input == null) return prepareInput(action, scope, engine, undefined);
  return prepareAfterExpressions(action, scope, engine);
}

async function prepareAfterExpressions(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
): Promise<PreparedAction> {
  if (action.when != null && !(await engine.test(action.when, scope.envelope))) return { kind: 'skipped' };
  const input = await inputOf(action, scope, engine);
  return prepareInput(action, scope, engine, input);
}

/** Value of the action's `input`; undefined when it has none. */
export async function inputOf(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
): Promise<unknown> {
  if (action.input == null) return undefined;
  const value = await engine.evaluate(action.input, scope.envelope);
  if (value !== undefined) return value;
  throw new ActionFault('the input expression found nothing to send', {
    permanent: true,
    detail: { code: 'INPUT_EMPTY' },
  });
}

export function prepareInput(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
  input: unknown,
): ReadyAction | Promise<ReadyAction> {
  const type = actionTypeOf(action.type);
  if (type === undefined) {
    throw new ActionFault(`this listener knows no action of type "${action.type}"`, {
      permanent: true,
      detail: { code: 'UNKNOWN_ACTION_TYPE' },
    });
  }
  const { envelope, content_type, topic_filter, secrets } = scope;
  const context: PrepareContext = { envelope, content_type, topic_filter, secrets, input, engine };
  const prepared: unknown = type.prepare(action as AnyAction, context);
  return prepared instanceof Promise
    ? prepared.then((value: unknown) => readyOf(type, value))
    : readyOf(type, prepared);
}

function readyOf(type: RegisteredAction, prepared: unknown): ReadyAction {
  return { kind: 'ready', type, prepared, destination: type.destination(prepared) };
}
