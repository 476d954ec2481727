/** What went back comes again this long after at least, each so much after the one before, and this long after at most. */
const SHORTEST_PAUSE_MS = 1_000;
const STEP_MS = 4;
const STEP_MS_PER_MEGABYTE = 50;
const LONGEST_PAUSE_MS = 120_000;

/** A delivery from the queue for whose subscription there is no place free. */
interface Crowded {
  subscription_id: number;
  /** Of its stored payload. */
  length: number;
}

/**
 * Where deliveries from the queue wait for a place. Only some may, so that the worker is there for other subscriptions;
 * the rest go back into the queue, spread over time so that they don't keep it busy with coming and going.
 */
export class WaitingRoom {
  private count = 0;
  private length = 0;
  /** By subscription: when the last of those that went back comes again, milliseconds since the epoch. */
  private readonly last_return_ms = new Map<number, number>();

  constructor(private readonly limits: { count: number; length: number }) {}

  /** Takes it in; false when it is full. One of any length has room when it is empty. */
  enter({ length }: Crowded): boolean {
    if (this.count >= this.limits.count) return false;
    if (this.count > 0 && this.length + length > this.limits.length) return false;
    this.count += 1;
    this.length += length;
    return true;
  }

  leave({ length }: Crowded): void {
    this.count -= 1;
    this.length -= length;
  }

  /** Milliseconds for which one that was not taken in goes back. */
  pauseOf({ subscription_id, length }: Crowded): number {
    const now_ms = Date.now();
    const soonest_ms = now_ms + SHORTEST_PAUSE_MS;
    const step_ms = STEP_MS + (length / 1_000_000) * STEP_MS_PER_MEGABYTE;
    const at_ms = Math.max(soonest_ms, (this.last_return_ms.get(subscription_id) ?? 0) + step_ms);
    // Those that come after the longest pause start over.
    this.last_return_ms.set(subscription_id, at_ms - now_ms > LONGEST_PAUSE_MS ? soonest_ms : at_ms);
    return Math.ceil(at_ms - now_ms);
  }
}
