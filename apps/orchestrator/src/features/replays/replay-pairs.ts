import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import type { Outcome } from '@cortex-mqtt/messages';
import { topicMatches } from '@cortex-mqtt/mqtt';
import type { StoredMessage } from '../messages/stored-message';
import type { ReplayEntity, ReplayOnly, ReplaySelection } from './replay.entity';

/** The subscriptions of the target that a message goes to. */
export function wantedSubscriptions(
  message: StoredMessage,
  { only, target }: Pick<ReplayEntity, 'only' | 'target'>,
  subscriptions: readonly ListenerSubscription[],
): ListenerSubscription[] {
  return subscriptions.filter(
    ({ id, topic_filter }) =>
      topicMatches(topic_filter, message.topic) && isWanted(only, outcomeBefore(message, id, target)),
  );
}

/** How what is run again ended before; null = there was nothing. Another webhook takes the place of all that a message had. */
function outcomeBefore(message: StoredMessage, id: number, target: ReplayEntity['target']): Outcome | null {
  if (target.url !== undefined) return message.deliveries.length === 0 ? null : message.outcome;
  // Another product has had none of them.
  if (target.product_id !== undefined) return null;
  return message.deliveries.find(({ subscription_id }) => subscription_id === id)?.outcome ?? null;
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
