/** How often it looks at the clock. */
const LOOK_EVERY_MS = 500;

interface Moment {
  /** Of the process. Does not go on while the machine sleeps. */
  monotonic_ms: number;
  /** Of the wall: continues, and may be set. */
  wall_ms: number;
}

/**
 * Notices that the process did not run for longer than `limit_ms`: SIGSTOP, a paused machine, a starved one. Meanwhile others may have
 * taken over what it has, so what lies in its sockets is not to be worked on before that is known. Asked as well where
 * that would begin, because after a wake the sockets may be read before the timers run.
 */
export class SuspensionWatch {
  private seen: Moment;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly deps: {
      limit_ms: number;
      onSuspended: (gap_ms: number) => void;
      /** For tests. */
      now?: () => Moment;
    },
  ) {
    this.seen = this.now();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  look(): void {
    const now = this.now();
    const gap_ms = Math.max(now.monotonic_ms - this.seen.monotonic_ms, now.wall_ms - this.seen.wall_ms);
    this.seen = now;
    if (gap_ms > this.deps.limit_ms) this.deps.onSuspended(gap_ms);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private now(): Moment {
    return this.deps.now?.() ?? { monotonic_ms: performance.now(), wall_ms: Date.now() };
  }
}
