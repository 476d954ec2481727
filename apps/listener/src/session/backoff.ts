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
 * Waits between tries to connect. Failures: exponential with full jitter, so that many listeners that lost one broker don't come back
 * in step (Brooker, "Exponential Backoff And Jitter"). Refusals: slower, never at once, and for ever.
 */
export class Backoff {
  private tries = 0;

  constructor(
    private readonly timing: BackoffTiming,
    private readonly random: () => number = Math.random,
  ) {}

  /** Tries that failed since the last `reset()`. */
  get attempt(): number {
    return this.tries;
  }

  /** Milliseconds until the next try. */
  next(kind: 'failed' | 'refused'): number {
    const doublings = Math.min(this.tries, 30);
    this.tries += 1;
    if (kind === 'refused') {
      const window = Math.min(this.timing.refused_max_delay_ms, this.timing.refused_delay_ms * 2 ** doublings);
      return Math.round(window * (0.5 + this.random() / 2));
    }
    return Math.round(Math.min(this.timing.max_delay_ms, this.timing.base_delay_ms * 2 ** doublings) * this.random());
  }

  reset(): void {
    this.tries = 0;
  }
}
