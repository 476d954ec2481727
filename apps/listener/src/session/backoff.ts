/** How long to wait between tries. All in milliseconds. */
export interface BackoffTiming {
  /** The first wait is drawn from 0 to this. */
  base_delay_ms: number;
  /** No wait is drawn from more than this. */
  max_delay_ms: number;
  /** After a refusal that only a person or a new password can end: the first wait, and half of every later one at least. */
  refused_delay_ms: number;
  refused_max_delay_ms: number;
}

export const DEFAULT_BACKOFF: BackoffTiming = {
  base_delay_ms: 1_000,
  max_delay_ms: 60_000,
  refused_delay_ms: 15_000,
  refused_max_delay_ms: 300_000,
};

/**
 * Waits between tries to connect, for ever.
 *
 * Failures: exponential with full jitter. Windows that double follow one another, and each has one try, at the same share of
 * every window; that share is drawn evenly when the trouble begins. So a crowd that lost one broker comes back spread
 * evenly over the window that is under way, whenever the broker is there again. A wait drawn again each time (Brooker,
 * "Exponential Backoff And Jitter") begins at the moment of a failure, and so most tries come right at its beginning.
 *
 * Refusals: slower, never at once.
 */
export class Backoff {
  private tries = 0;
  /** The window of the last try. */
  private window: { share: number; begins_at_ms: number; length_ms: number } | null = null;

  constructor(
    private readonly timing: BackoffTiming,
    private readonly random: () => number = Math.random,
    private readonly now_ms: () => number = Date.now,
  ) {}

  /** Tries that failed since the last `reset()`. */
  get attempt(): number {
    return this.tries;
  }

  /** Milliseconds until the next try. */
  next(kind: 'failed' | 'refused'): number {
    this.tries += 1;
    switch (kind) {
      case 'failed':
        return this.nextInWindow();
      case 'refused': {
        const doublings = Math.min(this.tries - 1, 30);
        const longest = Math.min(this.timing.refused_max_delay_ms, this.timing.refused_delay_ms * 2 ** doublings);
        return Math.round(longest * (0.5 + this.random() / 2));
      }
    }
  }

  reset(): void {
    this.tries = 0;
    this.window = null;
  }

  private nextInWindow(): number {
    const now_ms = this.now_ms();
    const { base_delay_ms, max_delay_ms } = this.timing;
    const last = this.window;
    const next =
      last === null
        ? { share: this.random(), begins_at_ms: now_ms, length_ms: Math.min(max_delay_ms, base_delay_ms) }
        : {
            share: last.share,
            begins_at_ms: last.begins_at_ms + last.length_ms,
            length_ms: Math.min(max_delay_ms, last.length_ms * 2),
          };
    // The try itself took longer than the wait: the window begins now.
    if (next.begins_at_ms + next.share * next.length_ms < now_ms) next.begins_at_ms = now_ms;
    this.window = next;
    return Math.round(next.begins_at_ms + next.share * next.length_ms - now_ms);
  }
}
