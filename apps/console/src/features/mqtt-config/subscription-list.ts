import type { ConnectionStatus, InstanceStatus, Subscription, TopicFilterState } from '../../api/types';
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

/** What the listeners told of filters; see {@link readFilters}. */
export interface FilterReading {
  /** Of the filters that are not as wanted, by subscription: the worst of all instances. */
  reported: Map<number, TopicFilterState>;
  /** What holds for all the others: a listener tells only of what is not as wanted. */
  others: 'granted' | 'waiting' | 'unknown';
}

/** A listener tells of so many filters at most. */
const MOST_REPORTED = 200;

export function readFilters({ instances, desired_revision }: ConnectionStatus): FilterReading {
  const reported = new Map<number, TopicFilterState>();
  const working = instances.filter(({ state }) => state === 'connected' || state === 'degraded');
  for (const { report } of working) {
    for (const state of report.topic_filters ?? []) {
      for (const id of state.subscription_ids) {
        const known = reported.get(id);
        if (!known || rank(state) < rank(known)) reported.set(id, state);
      }
    }
  }
  return { reported, others: othersOf(working, desired_revision) };
}

function othersOf(working: InstanceStatus[], desired_revision: number): FilterReading['others'] {
  if (working.length === 0) return 'unknown';
  if (working.some(({ report }) => (report.topic_filters?.length ?? 0) >= MOST_REPORTED)) return 'unknown';
  return working.every(({ applied_revision }) => applied_revision === desired_revision) ? 'granted' : 'waiting';
}

function rank(state: TopicFilterState): number {
  if (state.refused !== null) return 0;
  if (state.granted_qos === null) return 1;
  return state.granted_qos < state.requested_qos ? 2 : 3;
}

/** State of a subscription's filter at the broker; `default_qos` is the configuration's. */
export function lookOf(
  subscription: Pick<Subscription, 'id' | 'enabled' | 'qos'>,
  { reported, others }: FilterReading,
  default_qos: number,
): FilterLook {
  const words = texts.subscriptions.filterState;
  if (!subscription.enabled) return { tone: 'off', words: words.off };
  const state = reported.get(subscription.id);
  if (!state) {
    switch (others) {
      case 'granted':
        return { tone: 'ok', words: words.granted(subscription.qos ?? default_qos) };
      case 'waiting':
        return { tone: 'busy', words: words.waiting };
      case 'unknown':
        return { tone: 'off', words: words.unknown };
    }
  }
  if (state.refused !== null) return { tone: 'bad', words: words.refused(state.refused) };
  if (state.granted_qos === null) return { tone: 'busy', words: words.waiting };
  if (state.granted_qos < state.requested_qos) {
    return { tone: 'warn', words: words.lowered(state.requested_qos, state.granted_qos) };
  }
  return { tone: 'ok', words: words.granted(state.granted_qos) };
}
