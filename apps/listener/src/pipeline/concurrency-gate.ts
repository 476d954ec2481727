import type { Delivery } from './delivery';
import type { SubscriptionRuntime } from './subscription-runtime';

/**
 * How many deliveries may run at once, in all and for each subscription. Subscriptions that wait take turns, so that
 * none is starved by a busy one.
 */
export class ConcurrencyGate {
  running = 0;
  waiting = 0;
  private turns: SubscriptionRuntime<Delivery>[] = [];
  private isPumping = false;

  constructor(
    private readonly limits: { max_running: number; max_running_each: number },
    private readonly start: (delivery: Delivery) => void,
  ) {}

  /** Takes a place; false when there is none. */
  tryEnter(delivery: Delivery): boolean {
    const { runtime } = delivery;
    if (this.running >= this.limits.max_running || runtime.running >= this.limitOf(runtime)) return false;
    this.running += 1;
    runtime.running += 1;
    return true;
  }

  /** Runs the delivery as soon as there is a place. */
  enter(delivery: Delivery): void {
    if ((this.waiting === 0 || delivery.runtime.waiting.size === 0) && this.tryEnter(delivery)) {
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
    if (this.waiting > 0) this.pump();
  }

  private wait(delivery: Delivery): void {
    delivery.phase = 'waiting';
    if (delivery.runtime.waiting.size === 0) this.turns.push(delivery.runtime);
    delivery.runtime.waiting.push(delivery);
    this.waiting += 1;
  }

  private pump(): void {
    // A delivery that ends at once gives its place back within `start`: the loop here goes on with it.
    if (this.isPumping) return;
    this.isPumping = true;
    let idle = 0;
    while (this.turns.length > 0 && idle < this.turns.length && this.running < this.limits.max_running) {
      const runtime = this.turns.shift() as SubscriptionRuntime<Delivery>;
      const isFree = runtime.running < this.limitOf(runtime);
      const delivery = isFree ? this.nextOf(runtime) : undefined;
      if (runtime.waiting.size > 0) this.turns.push(runtime);
      if (!delivery) {
        idle += 1;
        continue;
      }
      idle = 0;
      this.running += 1;
      runtime.running += 1;
      this.start(delivery);
    }
    this.isPumping = false;
  }

  private nextOf(runtime: SubscriptionRuntime<Delivery>): Delivery | undefined {
    let delivery = runtime.waiting.shift();
    while (delivery) {
      this.waiting -= 1;
      if (delivery.phase === 'waiting') return delivery;
      // It was left to the queue while it waited.
      delivery = runtime.waiting.shift();
    }
    return undefined;
  }

  private limitOf({ concurrency }: SubscriptionRuntime<Delivery>): number {
    return concurrency ?? this.limits.max_running_each;
  }
}
