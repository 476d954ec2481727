import type { SubscriptionCounters } from '@cortex-mqtt/contracts';
import { Fifo } from './fifo';
import type { RecentMessages } from './recent-messages';
import { type InLine, WaitingLine } from './waiting-line';

/** What a subscription has in this process across revisions: counts, running deliveries (`D`), lanes. */
export class SubscriptionRuntime<D extends InLine<D>> {
  messages_received = 0;
  actions_executed = 0;
  actions_failed = 0;
  last_message_at_ms = 0;
  /** Deliveries whose actions are running. */
  running = 0;
  /** Bytes of their payloads. */
  running_bytes = 0;
  /** Deliveries in a row that took longer than the time after which they are handed over. */
  slow_in_a_row = 0;
  /** Deliveries that wait for a free place, in their order. */
  readonly waiting = new WaitingLine<D>();
  /** It is among those that take turns. */
  hasTurn = false;
  /** Ordering key → deliveries of that key, the first of them under way. */
  readonly lanes = new Map<string, Fifo<D>>();
  /** Deliveries at once, as its newest delivery has it; null = as the process has it. */
  concurrency: number | null = null;
  /** Deliveries whose ordering key is worked out, one after another so that none overtakes. */
  admission: Promise<void> | null = null;

  constructor(
    readonly id: number,
    readonly recent: RecentMessages,
  ) {}

  counters(): SubscriptionCounters {
    return {
      subscription_id: this.id,
      messages_received: this.messages_received,
      actions_executed: this.actions_executed,
      actions_failed: this.actions_failed,
      last_message_at: this.last_message_at_ms === 0 ? null : new Date(this.last_message_at_ms).toISOString(),
    };
  }
}
