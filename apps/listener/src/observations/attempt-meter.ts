import { createLatencyHistogram, type LatencyHistogram } from '../pipeline/latency-histogram';

/** Pairs of subscription and action type that are followed; attempts of others are counted together. */
const MAX_SERIES = 200;

export interface AttemptSeries {
  /** Empty: those beyond the bound. */
  subscription: string;
  action_type: string;
  succeeded: number;
  failed: number;
  durations: LatencyHistogram;
}

/** Counts attempts by subscription and type of action since the start. One attempt costs a look-up and an increment. */
export class AttemptMeter {
  private readonly known = new Map<string, AttemptSeries>();

  ended(attempt: { subscription_id: number; action_type: string; duration_ms: number; error: string | null }): void {
    const series = this.obtain(String(attempt.subscription_id), attempt.action_type);
    if (attempt.error === null) series.succeeded += 1;
    else series.failed += 1;
    series.durations.record(attempt.duration_ms, Date.now());
  }

  series(): AttemptSeries[] {
    return [...this.known.values()];
  }

  private obtain(subscription: string, action_type: string): AttemptSeries {
    const key = `${subscription} ${action_type}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    // With one of all the others a type, so that sums stay right.
    if (subscription !== '' && this.known.size >= MAX_SERIES) return this.obtain('', action_type);
    const made = { subscription, action_type, succeeded: 0, failed: 0, durations: createLatencyHistogram() };
    this.known.set(key, made);
    return made;
  }
}
