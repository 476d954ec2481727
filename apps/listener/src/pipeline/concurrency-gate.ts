import type { Delivery } from './delivery';
import type { SubscriptionRuntime } from './subscription-runtime';

/** A bound of what runs at once. */
export interface GateLimits {
  /** Deliveries. */
  max_running: number;
  /** Deliveries of one subscription that says nothing itself. */
  max_running_each: number;
  /** Bytes of their payloads. One larger message is begun all the same when the bound is not reached yet. */
  max_running_bytes: number;
}

/** A subscription that runs something may take so much of what is free. */
const SHARE = 0.25;

/**
 * How many deliveries, and how many bytes of them, may run at once, in all and for each subscription. A subscription may
 * hold no more than a part of what is free, so the shares of those whose destinations hang shrink with their number, and
 * there is a place for the others (dynamic thresholds: Choudhury and Hahne, 1998). Subscriptions that wait take turns.
 */
export class ConcurrencyGate {
  running = 0;
  running_bytes = 0;
  waiting = 0;
  private turns: SubscriptionRuntime<Delivery>[] = [];
  private isPumping = false;

  constructor(
    private readonly limits: GateLimits,
    private readonly start: (delivery: Delivery) => void,
  ) {}

  /** Runs the delivery as soon as there is a place. */
  enter(delivery: Delivery): void {
    if (this.isOpenFor(delivery.runtime, delivery.message.payload.length)) {
      this.take(delivery);
      this.start(delivery);
      return;
    }
    this.wait(delivery);
  }

  /** The same, but never from within the caller's stack when another is just being started from here. */
  enterLater(delivery: Delivery): void {
    this.wait(delivery);
    this.pump();
  }

  /** Gives a place back. */
  leave(delivery: Delivery): void {
    this.running -= 1;
    delivery.runtime.running -= 1;
    const bytes = delivery.message.payload.length;
    this.running_bytes -= bytes;
    delivery.runtime.running_bytes -= bytes;
    if (this.waiting > 0) this.pump();
  }

  /** It waits no longer: somebody else runs it. */
  forget(delivery: Delivery): void {
    if (!delivery.isInLine) return;
    delivery.runtime.waiting.remove(delivery);
    this.waiting -= 1;
  }

  /** Whether a delivery of this subscription would begin at once. */
  isOpenFor(runtime: SubscriptionRuntime<Delivery>, bytes: number): boolean {
    // Asked first whether any waits at all: with many subscriptions one object more is one that is not in the cache.
    return (this.waiting === 0 || runtime.waiting.isEmpty) && this.hasPlace(runtime, bytes);
  }

  private hasPlace(runtime: SubscriptionRuntime<Delivery>, bytes: number): boolean {
    const { max_running, max_running_each, max_running_bytes } = this.limits;
    const { running } = runtime;
    const free = max_running - this.running;
    const free_bytes = max_running_bytes - this.running_bytes;
    if (running === 0) return free > 0 && free_bytes > 0;
    const limit = Math.min(runtime.concurrency ?? max_running_each, free * SHARE);
    return running < limit && runtime.running_bytes + bytes <= free_bytes * SHARE;
  }

  private take(delivery: Delivery): void {
    this.running += 1;
    delivery.runtime.running += 1;
    const bytes = delivery.message.payload.length;
    this.running_bytes += bytes;
    delivery.runtime.running_bytes += bytes;
  }

  private wait(delivery: Delivery): void {
    if (delivery.phase !== 'waiting' && !delivery.moveTo('waiting')) return;
    // It keeps its place when it was to be given away and stays after all.
    if (delivery.isInLine) return;
    const { runtime } = delivery;
    runtime.waiting.push(delivery);
    this.waiting += 1;
    if (runtime.hasTurn) return;
    runtime.hasTurn = true;
    this.turns.push(runtime);
  }

  private pump(): void {
    // A delivery that ends at once gives its place back within `start`: the loop here continues with it.
    if (this.isPumping) return;
    this.isPumping = true;
    let idle = 0;
    while (this.turns.length > 0 && idle < this.turns.length && this.running < this.limits.max_running) {
      const runtime = this.turns.shift() as SubscriptionRuntime<Delivery>;
      const delivery = this.nextOf(runtime);
      if (delivery) {
        this.forget(delivery);
        this.take(delivery);
      }
      runtime.hasTurn = !runtime.waiting.isEmpty;
      if (runtime.hasTurn) this.turns.push(runtime);
      // One whose deliveries were all given away leaves the line, and must not count as a look at another.
      if (delivery) idle = 0;
      else if (runtime.hasTurn) idle += 1;
      if (delivery) this.start(delivery);
    }
    this.isPumping = false;
  }

  /** The first that still waits here, when there is a place for it. One that is being given away is passed over. */
  private nextOf(runtime: SubscriptionRuntime<Delivery>): Delivery | null {
    let delivery = runtime.waiting.first;
    while (delivery !== null && delivery.phase !== 'waiting') delivery = delivery.behind;
    return delivery !== null && this.hasPlace(runtime, delivery.message.payload.length) ? delivery : null;
  }
}
