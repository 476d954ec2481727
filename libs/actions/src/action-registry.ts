import type { ClassConstructor } from 'class-transformer';
import { type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import type { AnyAction, ActionType } from './action-definition';
import { LogAction } from './log/log-action';
import { PostgresAction } from './postgres/postgres-action';
import { PublishAction } from './publish/publish-action';
import { QueueAction } from './queue/queue-action';
import { WebhookAction } from './webhook/webhook-action';

/** The class that validates each type; the compiler refuses a missing one. */
export const ACTION_CLASSES: { [T in ActionType]: ClassConstructor<Extract<AnyAction, { type: T }>> } = {
  webhook: WebhookAction,
  publish: PublishAction,
  queue: QueueAction,
  postgres: PostgresAction,
  log: LogAction,
};

export const ACTION_TYPES = Object.keys(ACTION_CLASSES) as ActionType[];

/**
 * Validates the `actions` array of a subscription. `id` and `enabled` may be absent: the id becomes the first free
 * `a<n>`, enabled true. Faults name their path, such as `actions[1].url`.
 */
export function validateActions(input: unknown, field = 'actions'): { actions: AnyAction[]; faults: FieldFault[] } {
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
    const type = item.type;
    if (typeof type !== 'string' || !Object.hasOwn(ACTION_CLASSES, type)) {
      faults.push({ field: `${path}.type`, message: `must be one of: ${ACTION_TYPES.join(', ')}` });
      return;
    }
    while (item.id === undefined && taken.has(`a${next}`)) next += 1;
    const id = item.id ?? `a${next}`;
    if (item.id === undefined) taken.add(`a${next}`);
    const result = validateShape(ACTION_CLASSES[type as ActionType] as ClassConstructor<AnyAction>, {
      enabled: true,
      ...item,
      id,
    });
    if (!result.ok) {
      faults.push(...result.faults.map((fault) => ({ ...fault, field: `${path}.${fault.field}` })));
      return;
    }
    if (used.has(result.value.id)) faults.push({ field: `${path}.id`, message: `is used twice: ${result.value.id}` });
    used.add(result.value.id);
    actions.push(result.value);
  });
  return { actions, faults };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
