import type { SubscriptionCounters } from '@cortex-mqtt/contracts';
import type { Fifo } from './fifo';
import type { RecentMessages } from './recent-messages';
import { type InLine, WaitingLine } from './waiting-line';

/** The deliveries of one ordering key: the first is under way, the others wait for it. */
export interface Lane<D> {
  head: D | null;
  readonly line: Fifo<D>;
}

/** What a subscription has in this process across revisions: counts, running deliveries (`D`), lanes. */
export class SubscriptionRuntime<D extends InLine<D>> {
  messages_received = 0;
  actions_attempted = 0;
  /** Attempts that succeeded. */
  actions_executed = 0;
  actions_failed = 0;
  last_message_at_ms = 0;
  private told = { messages_received: 0, actions_attempted: 0, actions_executed: 0, actions_failed: 0 };
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
  /** By ordering key. */
  readonly lanes = new Map<string, Lane<D>>();
  /** Whether older deliveries of a key are still in the queue, so that new ones wait; null = none of any key. */
  heldKeys: ((key: string) => boolean) | null = null;
  /** Deliveries at once, as its newest delivery has it; null = as the process has it. */
  concurrency: number | null = null;
  /** Deliveries whose ordering key is worked out, one after another so that none overtakes. */
  admission: Promise<void> | null = null;

  constructor(
    readonly id: number,
    readonly recent: RecentMessages,
  ) {}

  /** What has been counted since the last call; null = nothing. */
  takeNews(): SubscriptionCounters | null {
    const total = this.counters();
    const { told } = this;
    if (told.messages_received === total.messages_received && told.actions_attempted === total.actions_attempted) {
      return null;
    }
    this.told = total;
    return {
      ...total,
      messages_received: total.messages_received - told.messages_received,
      actions_attempted: total.actions_attempted - told.actions_attempted,
      actions_executed: total.actions_executed - told.actions_executed,
      actions_failed: total.actions_failed - told.actions_failed,
    };
  }

  counters(): Required<SubscriptionCounters> {
    return {
      subscription_id: this.id,
      messages_received: this.messages_received,
      actions_attempted: this.actions_attempted,
      actions_executed: this.actions_executed,
      actions_failed: this.actions_failed,
      last_message_at: this.last_message_at_ms === 0 ? null : new Date(this.last_message_at_ms).toISOString(),
    };
  }
}
