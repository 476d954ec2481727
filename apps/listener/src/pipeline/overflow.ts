import type { DeliveryDeferral } from '@cortex-mqtt/contracts';
import type { Delivery } from './delivery';

/**
 * Where the deliveries go that do not end quickly: the product's queue. The engine tells what it wants, the overflow
 * answers through `OverflowEvents` once it is durable. While the queue is away nothing is answered.
 */
export interface Overflow {
  /** Under way: lease it when it has not ended in time. */
  watch(delivery: Delivery): void;
  /** Paused after a failure: leave it to the queue until `next_try_at_ms`. */
  offer(delivery: Delivery): void;
  /** Deferred by an open breaker: milliseconds until it is its turn again; null = not for us to say. */
  park(delivery: Delivery): number | null;
  /** Attempted after it had waited for a destination; `isBack`: somebody was there. */
  looked(awaited: DeliveryDeferral, isBack: boolean): void;
  /** About to run again here: no longer on offer. False while it is just being written. */
  withdraw(delivery: Delivery): boolean;
  /** Failed permanently, `dead_reason` says why: put it among the dead letters. */
  bury(delivery: Delivery): void;
  /** Ended well: forget it, here and in the queue. */
  finished(delivery: Delivery): void;
}

/** What the overflow tells the engine. */
export interface OverflowEvents {
  /** In the queue, and this process is done with it. */
  onLeft(delivery: Delivery): void;
  /** Among the dead letters. */
  onBuried(delivery: Delivery): void;
  /** The queue did not take it (now). */
  onRefused(delivery: Delivery): void;
  /** It failed permanently and the queue can't hold it as a dead letter either. */
  onLost(delivery: Delivery): void;
  /** What it waits for is there: it need not wait for the end of its pause. */
  resumeNow(delivery: Delivery): void;
}
