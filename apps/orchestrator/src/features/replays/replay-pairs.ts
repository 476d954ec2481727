import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import type { Outcome } from '@cortex-mqtt/messages';
import { topicMatches } from '@cortex-mqtt/mqtt';
import type { StoredMessage } from '../messages/stored-message';
import type { ReplayOnly, ReplaySelection } from './replay.entity';

/** The subscriptions of the target that a message goes to. */
export function wantedSubscriptions(
  message: StoredMessage,
  {
    only,
    subscriptions,
    isOwn,
  }: {
    only: ReplayOnly;
    subscriptions: readonly ListenerSubscription[] /** Of the product that had it. */;
    isOwn: boolean;
  },
): ListenerSubscription[] {
  return subscriptions.filter((subscription) => {
    if (!topicMatches(subscription.topic_filter, message.topic)) return false;
    const before = isOwn
      ? message.deliveries.find(({ subscription_id }) => subscription_id === subscription.id)
      : undefined;
    return isWanted(only, before?.outcome ?? null);
  });
}

/** By how its delivery ended before; null = it had none. */
function isWanted(only: ReplayOnly, before: Outcome | null): boolean {
  switch (only) {
    case 'all':
      return true;
    case 'failed':
      return before === 'failed' || before === 'dead';
    case 'not_delivered':
      // Decided against, done, or still under way: no reason to run it again.
      return before === null || !['succeeded', 'filtered', 'waiting'].includes(before);
  }
}

/** Whether the message is one of those chosen, beside what a search asks. */
export function isChosen(message: StoredMessage, { include_retained, message_ids }: ReplaySelection): boolean {
  if (message.retain && !include_retained) return false;
  return message_ids === undefined || message_ids.includes(message.id);
}
