import type { DeliveryAttempt } from '@cortex-mqtt/contracts';
import type { Outcome, RecordedDelivery } from '@cortex-mqtt/messages';
import type { Delivery } from '../pipeline/delivery';
import type { RecordedEvent } from '../pipeline/message-record';

const EXCERPT_LIMIT = 500;

/** A delivery as it stands now. */
export function recordedDelivery(delivery: Delivery): RecordedDelivery {
  const outcome = outcomeOf(delivery.recorded_as);
  return {
    subscription_id: delivery.runtime.id,
    outcome,
    error: outcome === 'dead' || outcome === 'failed' ? delivery.dead_reason : null,
    attempts: attemptsOf(delivery),
    queue_id: delivery.job_id,
  };
}

export function outcomeOf(event: RecordedEvent | null): Outcome {
  switch (event) {
    case null:
    case 'queued':
      return 'waiting';
    default:
      return event;
  }
}

/** Those the delivery remembers. The only attempt of one that succeeded at once is remembered as three numbers. */
function attemptsOf(delivery: Delivery): DeliveryAttempt[] {
  const { attempts, quick, subscription } = delivery;
  if (attempts !== null) {
    return attempts.map((attempt) => ({
      ...attempt,
      response_excerpt: attempt.response_excerpt?.slice(0, EXCERPT_LIMIT) ?? null,
    }));
  }
  const [action] = subscription.actions;
  if (quick === null || action === undefined) return [];
  return [
    {
      at: new Date(quick.began_ms).toISOString(),
      action_id: action.id,
      outcome: 'succeeded',
      status: quick.status,
      error: null,
      response_excerpt: null,
      duration_ms: quick.ended_ms - quick.began_ms,
    },
  ];
}
