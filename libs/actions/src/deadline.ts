/**
 * A timer that fires this much too late shows that our own event loop stood still. What came meanwhile has not been looked at, so
 * that time is not the destination's.
 */
export const STALL_MS = 250;
/** How often it is looked whether the event loop runs, while anything has a time limit. */
const LOOK_EVERY_MS = 50;

/** Adds up the time in which our event loop stood still. */
class StallClock {
  private total_ms = 0;
  private due_ms = 0;
  private users = 0;
  private timer: NodeJS.Timeout | undefined;

  use(): void {
    this.users += 1;
    if (this.users > 1) return;
    this.due_ms = performance.now() + LOOK_EVERY_MS;
    this.timer = setInterval(() => {
      this.stalled();
      this.due_ms = performance.now() + LOOK_EVERY_MS;
    }, LOOK_EVERY_MS).unref();
  }

  letGo(): void {
    this.users -= 1;
    if (this.users === 0) clearInterval(this.timer);
  }

  /** Milliseconds so far, up to now. */
  stalled(): number {
    const now_ms = performance.now();
    const late_ms = now_ms - this.due_ms;
    if (this.users > 0 && late_ms >= STALL_MS) {
      this.total_ms += late_ms;
      this.due_ms = now_ms + LOOK_EVERY_MS;
    }
    return this.total_ms;
  }
}

const clock = new StallClock();

/**
 * Calls `onOver` after `limit_ms` in which our event loop ran: a stall of ours, whenever it was, is no fault of whoever is waited
 * for. Gives what cancels it.
 */
export function startDeadline(limit_ms: number, onOver: () => void): () => void {
  clock.use();
  let credited_ms = clock.stalled();
  let isOpen = true;
  let timer: NodeJS.Timeout;
  const cancel = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    clock.letGo();
  };
  const arm = (pause_ms: number): void => {
    timer = setTimeout(() => {
      const stalled_ms = clock.stalled();
      const missed_ms = stalled_ms - credited_ms;
      credited_ms = stalled_ms;
      if (missed_ms > 0) {
        arm(missed_ms);
        return;
      }
      cancel();
      onOver();
    }, pause_ms);
  };
  arm(limit_ms);
  return cancel;
}
