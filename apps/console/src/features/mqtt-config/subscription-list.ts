import type { InstanceStatus, Subscription, TopicFilterState } from '../../api/types';
import type { Tone } from '../../components/state-language';
import { texts } from '../../texts';

export type SubscriptionSort = 'name' | 'activity' | 'messages' | 'failures';

/** The rows to show: what matches the words, in the order asked for. */
export function listSubscriptions(
  subscriptions: Subscription[],
  search: string,
  sort: SubscriptionSort,
): Subscription[] {
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const matching =
    words.length === 0
      ? [...subscriptions]
      : subscriptions.filter((subscription) => {
          const text = searchable(subscription);
          return words.every((word) => text.includes(word));
        });
  return matching.sort(ORDER[sort]);
}

const ORDER: { [S in SubscriptionSort]: (a: Subscription, b: Subscription) => number } = {
  name: byName,
  activity: (a, b) => (b.last_message_at ?? '').localeCompare(a.last_message_at ?? '') || byName(a, b),
  messages: (a, b) => b.messages_received - a.messages_received || byName(a, b),
  failures: (a, b) => b.actions_failed - a.actions_failed || byName(a, b),
};

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

function byName(a: Subscription, b: Subscription): number {
  return collator.compare(a.name, b.name);
}

function searchable(subscription: Subscription): string {
  const actions = subscription.actions.map((action) => `${action.type} ${action.name ?? ''}`);
  return [subscription.name, subscription.topic, subscription.topic_filter, subscription.description, ...actions]
    .join('\n')
    .toLowerCase();
}

export interface FilterLook {
  tone: Tone;
  words: string;
}

/** What the brokers say of each subscription's filter, by its id; the worst of all instances. */
export function filterStates(instances: InstanceStatus[]): Map<number, TopicFilterState> {
  const states = new Map<number, TopicFilterState>();
  for (const { report } of instances) {
    for (const state of report.topic_filters ?? []) {
      for (const id of state.subscription_ids) {
        const known = states.get(id);
        if (!known || rank(state) < rank(known)) states.set(id, state);
      }
    }
  }
  return states;
}

function rank(state: TopicFilterState): number {
  if (state.refused !== null) return 0;
  if (state.granted_qos === null) return 1;
  return state.granted_qos < state.requested_qos ? 2 : 3;
}

export function lookOf(subscription: Subscription, state: TopicFilterState | undefined): FilterLook {
  const words = texts.subscriptions.filterState;
  if (!subscription.enabled) return { tone: 'off', words: words.off };
  if (!state) return { tone: 'off', words: words.unknown };
  if (state.refused !== null) return { tone: 'bad', words: words.refused(state.refused) };
  if (state.granted_qos === null) return { tone: 'busy', words: words.waiting };
  if (state.granted_qos < state.requested_qos) {
    return { tone: 'warn', words: words.lowered(state.requested_qos, state.granted_qos) };
  }
  return { tone: 'ok', words: words.granted(state.granted_qos) };
}
