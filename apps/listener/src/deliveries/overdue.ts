import type { Delivery } from '../pipeline/delivery';

/** The longest that a delivery which waits for others to be sent with is waited for, milliseconds. Brokers hold small windows. */
const MAX_PATIENCE_MS = 100;

/** Milliseconds that a delivery is given beyond those of every other: it is meant to wait for others. */
export function patienceFor({ subscription }: Delivery): number {
  return Math.min(subscription.gathering_ms ?? 0, MAX_PATIENCE_MS);
}

/** Deliveries under way; names those that have not ended in time, which is longer for those that wait to be sent with others. */
export class Overdue {
  private readonly common: OverdueList;
  /** By their patience. */
  private readonly patient = new Map<number, OverdueList>();

  constructor(
    private readonly deps: {
      /** Milliseconds from the receipt. */
      after_ms: () => number;
      onOverdue: (deliveries: Delivery[]) => void;
    },
  ) {
    this.common = new OverdueList(deps);
  }

  get oldest(): Delivery | null {
    let oldest = this.common.oldest;
    for (const { oldest: other } of this.patient.values()) {
      if (other && (!oldest || other.message.received_at_ms < oldest.message.received_at_ms)) oldest = other;
    }
    return oldest;
  }

  watch(delivery: Delivery): void {
    this.listOf(delivery).watch(delivery);
  }

  forget(delivery: Delivery): void {
    if (delivery.isWatched) this.listOf(delivery).forget(delivery);
  }

  /** All that are watched, which are watched no longer. */
  takeAll(): Delivery[] {
    return [this.common, ...this.patient.values()].flatMap((list) => list.takeAll());
  }

  stop(): void {
    for (const list of [this.common, ...this.patient.values()]) list.stop();
  }

  private listOf(delivery: Delivery): OverdueList {
    const patience_ms = patienceFor(delivery);
    if (patience_ms === 0) return this.common;
    let list = this.patient.get(patience_ms);
    if (!list) {
      const { after_ms, onOverdue } = this.deps;
      list = new OverdueList({ after_ms: () => after_ms() + patience_ms, onOverdue });
      this.patient.set(patience_ms, list);
    }
    return list;
  }
}

/** Deliveries under way, in order of receipt. */
class OverdueList {
  private readonly watched = new WatchList();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    private readonly deps: {
      /** Milliseconds from the receipt. */
      after_ms: () => number;
      onOverdue: (deliveries: Delivery[]) => void;
    },
  ) {}

  get oldest(): Delivery | null {
    return this.watched.head;
  }

  watch(delivery: Delivery): void {
    this.watched.push(delivery);
    this.arm();
  }

  forget(delivery: Delivery): void {
    this.watched.remove(delivery);
  }

  /** All that are watched, which are watched no longer. */
  takeAll(): Delivery[] {
    return this.takeUntil(Number.POSITIVE_INFINITY);
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private arm(): void {
    const { head } = this.watched;
    if (this.timer !== null || head === null || this.isStopped) return;
    const due_ms = head.message.received_at_ms + this.deps.after_ms() - Date.now();
    this.timer = setTimeout(
      () => {
        this.timer = null;
        const overdue = this.takeUntil(Date.now() - this.deps.after_ms());
        this.arm();
        this.deps.onOverdue(overdue);
      },
      Math.max(due_ms, 1),
    );
  }

  private takeUntil(received_at_ms: number): Delivery[] {
    const taken: Delivery[] = [];
    const { watched } = this;
    for (let first = watched.head; first && first.message.received_at_ms <= received_at_ms; first = watched.head) {
      watched.remove(first);
      taken.push(first);
    }
    return taken;
  }
}

/** Deliveries in order of receipt; adding and removing cost no search and no allocation. */
class WatchList {
  head: Delivery | null = null;
  private tail: Delivery | null = null;

  push(delivery: Delivery): void {
    if (delivery.isWatched) return;
    delivery.isWatched = true;
    delivery.previous = this.tail;
    if (this.tail) this.tail.next = delivery;
    else this.head = delivery;
    this.tail = delivery;
  }

  remove(delivery: Delivery): void {
    if (!delivery.isWatched) return;
    delivery.isWatched = false;
    if (delivery.previous) delivery.previous.next = delivery.next;
    else this.head = delivery.next;
    if (delivery.next) delivery.next.previous = delivery.previous;
    else this.tail = delivery.previous;
    delivery.previous = null;
    delivery.next = null;
  }
}
