import { TooManyRequestsError } from './app-error';

/** What a signed-in user may do: so often in a minute, and so many at once. Per process: a flood meets it everywhere. */
export const USER_LIMITS = {
  /** Event streams: some tabs, some people behind one API token. */
  streams: { at_once: 40 },
  /** Requests that wait for something to come. */
  waits: { at_once: 20, a_minute: 600 },
  /** Each dials a broker. */
  connection_tests: { at_once: 5, a_minute: 30 },
  /** Each runs expressions. */
  dry_runs: { at_once: 4, a_minute: 120 },
  /** Each walks a whole queue or table. */
  bulk_operations: { at_once: 4, a_minute: 30 },
} as const satisfies Record<string, { at_once: number; a_minute?: number }>;

export type LimitName = keyof typeof USER_LIMITS;

const MINUTE_MS = 60_000;

interface Use {
  open: number;
  window_started_ms: number;
  begun: number;
}

/** Counts what each user does. Holds nothing of users who have done nothing for a minute. */
export class UserLimits {
  private readonly uses = new Map<string, Use>();

  constructor(private readonly now: () => number = Date.now) {}

  /**
   * Takes one place; the result gives it back, once.
   * @throws TooManyRequestsError with the seconds until another attempt is worthwhile
   */
  take(name: LimitName, user_id: number): () => void {
    const limit: { at_once: number; a_minute?: number } = USER_LIMITS[name];
    const key = `${name} ${user_id}`;
    const now = this.now();
    const use = this.uses.get(key) ?? { open: 0, window_started_ms: now, begun: 0 };
    if (now - use.window_started_ms >= MINUTE_MS) Object.assign(use, { window_started_ms: now, begun: 0 });
    const what = name.replace('_', ' ');
    if (use.open >= limit.at_once) {
      throw new TooManyRequestsError({
        detail: `You have ${use.open} ${what} open; ${limit.at_once} may be.`,
        retry_after_s: 5,
      });
    }
    if (limit.a_minute !== undefined && use.begun >= limit.a_minute) {
      const retry_after_s = Math.max(1, Math.ceil((use.window_started_ms + MINUTE_MS - now) / 1_000));
      throw new TooManyRequestsError({ detail: `You may start ${limit.a_minute} ${what} a minute.`, retry_after_s });
    }
    use.open += 1;
    use.begun += 1;
    this.uses.set(key, use);
    let is_taken = true;
    return () => {
      if (!is_taken) return;
      is_taken = false;
      use.open -= 1;
      this.forgetIdle();
    };
  }

  private forgetIdle(): void {
    if (this.uses.size < 1_000) return;
    const now = this.now();
    for (const [key, use] of this.uses) {
      if (use.open === 0 && now - use.window_started_ms >= MINUTE_MS) this.uses.delete(key);
    }
  }
}
