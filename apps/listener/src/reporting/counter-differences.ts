import type { SubscriptionCounters } from '@cortex-mqtt/contracts';

/** Turns counters since the start into what has come since the last call; subscriptions without news are left out. */
export function createCounterDifferences(): (totals: SubscriptionCounters[]) => SubscriptionCounters[] {
  const told = new Map<number, SubscriptionCounters>();
  return (totals) =>
    totals.flatMap((total) => {
      // Lower than before: the subscription was taken away and came again, its counters with it.
      const last = told.get(total.subscription_id);
      const before = last && last.messages_received <= total.messages_received ? last : undefined;
      const difference = {
        subscription_id: total.subscription_id,
        messages_received: total.messages_received - (before?.messages_received ?? 0),
        actions_executed: total.actions_executed - (before?.actions_executed ?? 0),
        actions_failed: total.actions_failed - (before?.actions_failed ?? 0),
        last_message_at: total.last_message_at,
      };
      if (difference.messages_received + difference.actions_executed + difference.actions_failed === 0) return [];
      told.set(total.subscription_id, total);
      return [difference];
    });
}
