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

export interface ActionResult {
  status: 'succeeded' | 'skipped';
  /** Where it went; null when it was skipped. */
  destination: string | null;
  detail: Record<string, unknown>;
}

export interface ActionRunner {
  /** Evaluates `when` and `input` and prepares what would be sent. Throws ActionFault. */
  prepare(action: ActionDefinition, scope: ActionScope): Promise<PreparedAction>;
  /** Sends what was prepared. Throws ActionFault. */
  execute(
    action: ActionDefinition,
    ready: Extract<PreparedAction, { kind: 'ready' }>,
    options: AttemptOptions,
  ): Promise<ActionResult>;
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
  const prepare: ActionRunner['prepare'] = async (action, scope) => {
    try {
      return await prepareAction(action, scope, engine);
    } catch (error) {
      throw toActionFault(error);
    }
  };

  const execute: ActionRunner['execute'] = async (action, { type, prepared, destination }, { attempt, signal }) => {
    // Each type keeps the limit itself: a timer here as well would cost every attempt, and could not tell the phase.
    const timeout_ms = action.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    try {
      const { detail } = await type.execute(prepared, runtime, { signal, attempt, timeout_ms });
      return { status: 'succeeded', destination, detail };
    } catch (error) {
      throw toActionFault(error);
    }
  };

  return {
    prepare,
    execute,
    run: async (action, scope, options) => {
      const ready = await prepare(action, scope);
      if (ready.kind === 'skipped') return { status: 'skipped', destination: null, detail: {} };
      return execute(action, ready, options);
    },
  };
}

/** The part of an action that has no effect, shared with the dry run. */
export async function prepareAction(
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

export async function prepareInput(
  action: ActionDefinition,
  scope: ActionScope,
  engine: ExpressionEngine,
  input: unknown,
): Promise<Extract<PreparedAction, { kind: 'ready' }>> {
  const type = actionTypeOf(action.type);
  if (type === undefined) {
    throw new ActionFault(`this listener knows no action of type "${action.type}"`, {
      permanent: true,
      detail: { code: 'UNKNOWN_ACTION_TYPE' },
    });
  }
  const context: PrepareContext = { ...scope, input, engine };
  const prepared: unknown = await type.prepare(action as AnyAction, context);
  return { kind: 'ready', type, prepared, destination: type.destination(prepared) };
}
