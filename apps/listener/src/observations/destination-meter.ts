import { createHash } from 'node:crypto';
import { type DestinationReport, MAX_REPORTED_DESTINATIONS } from '@cortex-mqtt/contracts';

/** What happened is told over the last one to two of these. */
const HALF_WINDOW_MS = 30_000;
const WINDOW_S = (HALF_WINDOW_MS * 2) / 1000;
/** Destinations followed; beyond it the ones unused for longest are forgotten. */
const MAX_DESTINATIONS = 500;
const MAX_REASONS = 20;
const MAX_SUBSCRIPTIONS = 20;

/** Upper bounds of latency, milliseconds: a quarter apart, up to about two minutes. */
const BOUNDS_MS = Array.from({ length: 64 }, (_, index) => 0.1 * 1.25 ** index);

interface Half {
  began_ms: number;
  attempts: number;
  failed: number;
  latencies: Uint32Array;
  reasons: Map<string, number>;
}

interface Destination {
  action_type: string;
  halves: [Half, Half];
  last_succeeded_ms: number | null;
  last_failed_ms: number | null;
  last_error: string | null;
  subscriptions: Set<number>;
}

export interface BreakerFacts {
  state: 'closed' | 'open' | 'half_open';
  next_try_at_ms: number | null;
}

const newHalf = (began_ms: number): Half => ({
  began_ms,
  attempts: 0,
  failed: 0,
  latencies: new Uint32Array(BOUNDS_MS.length + 1),
  reasons: new Map(),
});

/** The same in every process and safe in a URL. */
export const destinationId = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 16);

/** Counts how attempts end, by destination. One attempt costs a look-up and an increment. */
export class DestinationMeter {
  private readonly known = new Map<string, Destination>();

  constructor(private readonly deps: { breakerOf: (destination: string) => BreakerFacts; now_ms?: () => number }) {}

  ended(attempt: {
    destination: string;
    action_type: string;
    subscription_id: number;
    duration_ms: number;
    error: string | null;
  }): void {
    const now_ms = this.now();
    const destination = this.obtain(attempt.destination, attempt.action_type, now_ms);
    const half = this.halfOf(destination, now_ms);
    half.attempts += 1;
    half.latencies[bucketOf(attempt.duration_ms)]! += 1;
    if (destination.subscriptions.size < MAX_SUBSCRIPTIONS) destination.subscriptions.add(attempt.subscription_id);
    if (attempt.error === null) {
      destination.last_succeeded_ms = now_ms;
      return;
    }
    half.failed += 1;
    destination.last_failed_ms = now_ms;
    destination.last_error = attempt.error.slice(0, 500);
    const reason = attempt.error.slice(0, 200);
    if (half.reasons.has(reason) || half.reasons.size < MAX_REASONS)
      half.reasons.set(reason, (half.reasons.get(reason) ?? 0) + 1);
  }

  /** Those with failures or an open breaker first, then the busiest. */
  report(): DestinationReport[] {
    const now_ms = this.now();
    const reports = [...this.known].map(([name, destination]) => this.reportOf(name, destination, now_ms));
    const urgency = ({ breaker, failed, attempts }: DestinationReport): number =>
      (breaker === 'closed' ? 0 : 1e12) + failed * 1e6 + Math.min(attempts, 1e5);
    return reports.sort((a, b) => urgency(b) - urgency(a)).slice(0, MAX_REPORTED_DESTINATIONS);
  }

  nameOf(id: string): string | undefined {
    return [...this.known.keys()].find((name) => destinationId(name) === id);
  }

  private now(): number {
    return this.deps.now_ms?.() ?? Date.now();
  }

  private obtain(name: string, action_type: string, now_ms: number): Destination {
    const found = this.known.get(name);
    if (found !== undefined) return found;
    const made: Destination = {
      action_type,
      halves: [newHalf(now_ms), newHalf(now_ms - HALF_WINDOW_MS)],
      last_succeeded_ms: null,
      last_failed_ms: null,
      last_error: null,
      subscriptions: new Set(),
    };
    if (this.known.size >= MAX_DESTINATIONS) {
      const [oldest] = [...this.known].sort(([, a], [, b]) => usedAt(a) - usedAt(b));
      if (oldest) this.known.delete(oldest[0]);
    }
    this.known.set(name, made);
    return made;
  }

  private halfOf(destination: Destination, now_ms: number): Half {
    const [current] = destination.halves;
    if (now_ms - current.began_ms < HALF_WINDOW_MS) return current;
    const is_next = now_ms - current.began_ms < 2 * HALF_WINDOW_MS;
    destination.halves = [newHalf(now_ms), is_next ? current : newHalf(now_ms - HALF_WINDOW_MS)];
    return destination.halves[0];
  }

  private reportOf(name: string, destination: Destination, now_ms: number): DestinationReport {
    this.halfOf(destination, now_ms);
    const { halves, last_succeeded_ms, last_failed_ms } = destination;
    const [a, b] = halves;
    const attempts = a.attempts + b.attempts;
    const breaker = this.deps.breakerOf(name);
    const reasons = new Map(a.reasons);
    for (const [reason, count] of b.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    return {
      id: destinationId(name),
      action_type: destination.action_type,
      name,
      breaker: breaker.state,
      next_try_at: breaker.next_try_at_ms === null ? null : new Date(breaker.next_try_at_ms).toISOString(),
      window_s: WINDOW_S,
      attempts,
      failed: a.failed + b.failed,
      latency_ms:
        attempts === 0
          ? null
          : percentiles(
              a.latencies.map((count, index) => count + (b.latencies[index] ?? 0)),
              attempts,
            ),
      last_succeeded_at: last_succeeded_ms === null ? null : new Date(last_succeeded_ms).toISOString(),
      last_failed_at: last_failed_ms === null ? null : new Date(last_failed_ms).toISOString(),
      last_error: destination.last_error,
      failures: [...reasons]
        .map(([reason, count]) => ({ reason, count }))
        .sort((x, y) => y.count - x.count)
        .slice(0, 5),
      subscription_ids: [...destination.subscriptions],
    };
  }
}

const usedAt = ({ last_succeeded_ms, last_failed_ms }: Destination): number =>
  Math.max(last_succeeded_ms ?? 0, last_failed_ms ?? 0);

function bucketOf(duration_ms: number): number {
  if (duration_ms <= 0.1) return 0;
  return Math.min(Math.ceil(Math.log(duration_ms / 0.1) / Math.log(1.25)), BOUNDS_MS.length);
}

function percentiles(counts: Uint32Array, total: number): { p50: number; p95: number; p99: number } {
  const at = (share: number): number => {
    let seen = 0;
    for (let index = 0; index < counts.length; index += 1) {
      seen += counts[index] ?? 0;
      if (seen >= share * total) return Math.round((BOUNDS_MS[Math.min(index, BOUNDS_MS.length - 1)] ?? 0) * 10) / 10;
    }
    return 0;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
