import {
  type Outcome,
  type RecordedDelivery,
  type RecordedMessage,
  receivedAtOf,
  worstOutcome,
} from '@cortex-mqtt/messages';
import type { SealedContent } from './sealed-content';
import type { StoredOutcome } from './store/message-store';

/** A message with what is known of its deliveries now. */
export interface StoredMessage extends RecordedMessage {
  received_at: Date;
  outcome: Outcome;
}

/** Late outcomes of a segment, by message and subscription. */
export type LateOutcomes = ReadonlyMap<string, readonly StoredOutcome[]>;

export function byMessage(outcomes: readonly StoredOutcome[]): LateOutcomes {
  const all = new Map<string, StoredOutcome[]>();
  for (const outcome of outcomes) {
    const known = all.get(outcome.message_id);
    if (known) known.push(outcome);
    else all.set(outcome.message_id, [outcome]);
  }
  return all;
}

/** Puts in what came later: an outcome replaces that of its delivery. */
export function withLate(message: RecordedMessage, late: LateOutcomes, content: SealedContent): StoredMessage {
  const outcomes = late.get(message.id) ?? [];
  const deliveries = message.deliveries.map((delivery): RecordedDelivery => {
    const later = outcomes.find(({ subscription_id }) => subscription_id === delivery.subscription_id);
    return later ? laterDelivery(later, content) : delivery;
  });
  for (const later of outcomes) {
    if (!message.deliveries.some(({ subscription_id }) => subscription_id === later.subscription_id))
      deliveries.push(laterDelivery(later, content));
  }
  return {
    ...message,
    deliveries,
    received_at: new Date(receivedAtOf(message.id)),
    outcome: worstOutcome(deliveries.map(({ outcome }) => outcome)),
  };
}

function laterDelivery(later: StoredOutcome, content: SealedContent): RecordedDelivery {
  const { message_id, subscription_id, outcome, body } = later;
  return { subscription_id, outcome, ...content.openOutcome(message_id, subscription_id, body) };
}
