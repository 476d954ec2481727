import type { ActionDefinition, Subscription, SubscriptionChange } from '../../api/types';
import { isBlank } from './schema-fields';

/** What of a subscription is edited. */
export type SubscriptionDraft = Required<SubscriptionChange>;

const FIELDS = [
  'name',
  'topic',
  'absolute_topic',
  'enabled',
  'description',
  'qos',
  'payload_format',
  'filter',
  'message_key',
  'concurrency',
  'ordering',
  'actions',
] as const satisfies (keyof SubscriptionDraft)[];

export const EMPTY_DRAFT: SubscriptionDraft = {
  name: '',
  topic: '',
  absolute_topic: false,
  enabled: true,
  description: '',
  qos: null,
  payload_format: 'json',
  filter: null,
  message_key: null,
  concurrency: null,
  ordering: 'none',
  actions: [],
};

export function draftOfSubscription(subscription: Subscription): SubscriptionDraft {
  return Object.fromEntries(FIELDS.map((field) => [field, subscription[field]])) as unknown as SubscriptionDraft;
}

/** The body of a POST or PUT; fields of actions that were emptied are left out. */
export function bodyOfDraft(draft: Partial<SubscriptionDraft>): SubscriptionChange {
  const body: SubscriptionChange = { ...draft };
  if (draft.actions) body.actions = draft.actions.map(tidyAction);
  return body;
}

/** Body of a new one. Unless it is chosen, the server decides: a topic that begins with the prefix is the full path. */
export function bodyOfNew(draft: SubscriptionDraft): SubscriptionChange {
  const { absolute_topic, ...body } = bodyOfDraft(draft);
  return absolute_topic ? { ...body, absolute_topic } : body;
}

/** `id`, `type` and `enabled` always stay; what is blank means the default, and is left to the server. */
export function tidyAction(action: ActionDefinition): ActionDefinition {
  return Object.fromEntries(
    Object.entries(action)
      .map(([name, value]) => [name, name === 'retry' ? tidyGroup(value) : value])
      .filter(([, value]) => !isBlank(value)),
  ) as ActionDefinition;
}

function tidyGroup(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => !isBlank(inner)));
}

/** A new action of a type, with the first free id. */
export function newAction(type: string, others: Pick<ActionDefinition, 'id'>[]): ActionDefinition {
  return { id: freeId(others), type, enabled: true };
}

export function duplicateAction(action: ActionDefinition, others: Pick<ActionDefinition, 'id'>[]): ActionDefinition {
  return { ...structuredClone(action), id: freeId(others) };
}

function freeId(others: Pick<ActionDefinition, 'id'>[]): string {
  const taken = new Set(others.map((action) => action.id));
  let number = 1;
  while (taken.has(`a${number}`)) number += 1;
  return `a${number}`;
}

/** The list with one entry at another place; out of bounds leaves it as it is. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const item = list[from];
  if (item === undefined || to < 0 || to >= list.length) return [...list];
  const rest = list.filter((_, index) => index !== from);
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** The faults of one action by the name of its field: `actions[1].url` → `url`. */
export function actionFaults(faults: Record<string, string>, index: number): Record<string, string> {
  const prefix = `actions[${index}]`;
  return Object.fromEntries(
    Object.entries(faults)
      .filter(([field]) => field === prefix || field.startsWith(`${prefix}.`))
      .map(([field, message]) => [field.slice(prefix.length + 1), message]),
  );
}

export type ParsedDraft = { ok: true; draft: SubscriptionDraft } | { ok: false; message: string };

/** Reads the raw JSON view. Unknown fields stay out of it: the server would refuse them, and says so here at once. */
export function parseDraft(text: string): ParsedDraft {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, message: 'must be an object' };
  }
  const unknown = Object.keys(value).filter((field) => !(FIELDS as readonly string[]).includes(field));
  if (unknown.length > 0) return { ok: false, message: `unknown: ${unknown.join(', ')}` };
  const draft = { ...EMPTY_DRAFT, ...value };
  if (!Array.isArray(draft.actions)) return { ok: false, message: 'actions must be an array' };
  const known = draft.actions.filter(
    (action) => typeof action === 'object' && action !== null && typeof action.type === 'string',
  );
  if (known.length !== draft.actions.length) return { ok: false, message: 'every action needs a type' };
  const actions: ActionDefinition[] = [];
  for (const action of known) {
    actions.push({ ...action, enabled: action.enabled ?? true, id: action.id ?? freeId([...known, ...actions]) });
  }
  return { ok: true, draft: { ...draft, actions } };
}
