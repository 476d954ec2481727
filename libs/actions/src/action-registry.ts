import type { ClassConstructor } from 'class-transformer';
import { type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import type { AnyAction, ActionType as TypeName } from './action-definition';
import type { ActionType, CheckContext } from './action-type';
import { expressionFaults } from './field-checks';
import { logAction } from './log/log.action';
import { postgresAction } from './postgres/postgres.action';
import { publishAction } from './publish/publish.action';
import { queueAction } from './queue/queue.action';
import { webhookAction } from './webhook/webhook.action';

// What a type prepares is its own affair: it comes out of `prepare` and goes into `execute` of the same object.
type Entry<T extends TypeName> = ActionType<Extract<AnyAction, { type: T }>, never>;

/** Every type of action; the compiler refuses a missing one. */
const REGISTRY: { [T in TypeName]: Entry<T> } = {
  webhook: webhookAction as unknown as Entry<'webhook'>,
  publish: publishAction as unknown as Entry<'publish'>,
  queue: queueAction as unknown as Entry<'queue'>,
  postgres: postgresAction as unknown as Entry<'postgres'>,
  log: logAction as unknown as Entry<'log'>,
};

export const ACTION_TYPES = Object.keys(REGISTRY) as TypeName[];

/** A registered type with what it prepares left opaque. */
export type RegisteredAction = ActionType<AnyAction, unknown>;

/** The type of a definition; undefined for one this version doesn't know. */
export function actionTypeOf(type: string): RegisteredAction | undefined {
  return Object.hasOwn(REGISTRY, type) ? (REGISTRY[type as TypeName] as unknown as RegisteredAction) : undefined;
}

export interface ValidateOptions {
  /** Path of the array in the faults. */
  field?: string;
  /** `shape` leaves out expressions, templates and references, for what was checked when it was saved. */
  depth?: 'shape' | 'all';
  /** What references are checked against; what isn't given isn't checked. */
  context?: Partial<CheckContext>;
}

const UNKNOWN_CONTEXT: CheckContext = { secretNames: null, subscription: null, protocol_version: null };

/**
 * Validates the `actions` array of a subscription: the shape of each, then its expressions, templates and references. `id`
 * and `enabled` may be absent: the id becomes the first free `a<n>`, enabled true. Faults name their path, such as `actions[1].url`.
 */
export function validateActions(
  input: unknown,
  { field = 'actions', depth = 'all', context = {} }: ValidateOptions = {},
): { actions: AnyAction[]; faults: FieldFault[] } {
  if (!Array.isArray(input)) return { actions: [], faults: [{ field, message: 'must be an array of actions' }] };
  if (input.length > 50) return { actions: [], faults: [{ field, message: 'must have at most 50 actions' }] };
  const faults: FieldFault[] = [];
  const actions: AnyAction[] = [];
  const taken = new Set(
    input.map((item) => (isRecord(item) ? item.id : undefined)).filter((id) => typeof id === 'string'),
  );
  const used = new Set<string>();
  let next = 1;
  input.forEach((item: unknown, index) => {
    const path = `${field}[${index}]`;
    if (!isRecord(item)) {
      faults.push({ field: path, message: 'must be an object' });
      return;
    }
    const type = typeof item.type === 'string' ? actionTypeOf(item.type) : undefined;
    if (type === undefined) {
      faults.push({ field: `${path}.type`, message: `must be one of: ${ACTION_TYPES.join(', ')}` });
      return;
    }
    while (item.id === undefined && taken.has(`a${next}`)) next += 1;
    const id = item.id ?? `a${next}`;
    if (item.id === undefined) taken.add(`a${next}`);
    const result = validateShape(type.definition as ClassConstructor<AnyAction>, { enabled: true, ...item, id });
    if (!result.ok) {
      faults.push(...result.faults.map((fault) => ({ ...fault, field: `${path}.${fault.field}` })));
      return;
    }
    if (used.has(result.value.id)) faults.push({ field: `${path}.id`, message: `is used twice: ${result.value.id}` });
    used.add(result.value.id);
    const wrong = depth === 'all' ? checkAction(result.value, { ...UNKNOWN_CONTEXT, ...context }) : [];
    faults.push(...wrong.map((fault) => ({ ...fault, field: `${path}.${fault.field}` })));
    actions.push(result.value);
  });
  return { actions, faults };
}

/** Faults of one action that its class can't tell. */
export function checkAction(action: AnyAction, context: CheckContext): FieldFault[] {
  return [
    ...expressionFaults('when', action.when),
    ...expressionFaults('input', action.input),
    ...(actionTypeOf(action.type)?.check(action, context) ?? []),
  ];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
