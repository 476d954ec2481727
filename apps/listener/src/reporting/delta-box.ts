import type { ConnectionEvent, StatusDelta, SubscriptionCounters } from '@cortex-mqtt/contracts';

/** Most events one delta carries; older ones go first. */
const MAX_EVENTS = 500;
/** Events remembered while the orchestrator is away; the oldest are dropped first. */
const MAX_WAITING_EVENTS = 5_000;

/**
 * Collects what is to be told once and only once: subscription counters and events. What has been sent is frozen under its
 * sequence until it is confirmed; meanwhile new things gather for the next.
 */
export class DeltaBox {
  private sequence = 0;
  private sent: StatusDelta | null = null;
  private waiting = new Map<number, SubscriptionCounters>();
  private events: ConnectionEvent[] = [];

  addCounters(counters: SubscriptionCounters): void {
    const known = this.waiting.get(counters.subscription_id);
    if (!known) {
      this.waiting.set(counters.subscription_id, { ...counters });
      return;
    }
    known.messages_received += counters.messages_received;
    if (counters.actions_attempted !== undefined) {
      known.actions_attempted = (known.actions_attempted ?? 0) + counters.actions_attempted;
    }
    known.actions_executed += counters.actions_executed;
    known.actions_failed += counters.actions_failed;
    known.last_message_at = counters.last_message_at ?? known.last_message_at;
  }

  addEvent(event: ConnectionEvent): void {
    this.events.push(event);
    if (this.events.length > MAX_WAITING_EVENTS) this.events.shift();
  }

  /** The delta to send now: the unconfirmed one again, else what has gathered. */
  next(): StatusDelta {
    if (this.sent) return this.sent;
    if (this.waiting.size === 0 && this.events.length === 0) {
      return { sequence: this.sequence, subscriptions: [], events: [] };
    }
    this.sequence += 1;
    this.sent = {
      sequence: this.sequence,
      subscriptions: [...this.waiting.values()],
      events: this.events.splice(0, MAX_EVENTS),
    };
    this.waiting = new Map();
    return this.sent;
  }

  /** The orchestrator has applied everything up to `sequence`. */
  confirm(sequence: number): void {
    if (this.sent && sequence >= this.sent.sequence) this.sent = null;
  }

  /** Whether there is more to tell than the last delta had. */
  get hasMore(): boolean {
    return this.events.length > 0;
  }
}
