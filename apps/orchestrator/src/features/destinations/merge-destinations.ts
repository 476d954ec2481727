import type { DestinationReport } from '@cortex-mqtt/contracts';
import type { DestinationState, DestinationView } from './destination.dto';

/** Slower than this is worth a look. */
const SLOW_P95_MS = 2_000;
const FAILING_SHARE = 0.05;

type Merged = Omit<DestinationView, 'subscriptions'> & { subscription_ids: number[] };

const BREAKERS = ['closed', 'half_open', 'open'] as const;

/** One row a destination, of what several listeners say of it; those in trouble first. */
export function mergeDestinations(reports: readonly DestinationReport[]): Merged[] {
  const by_id = new Map<string, DestinationReport[]>();
  for (const report of reports) by_id.set(report.id, [...(by_id.get(report.id) ?? []), report]);
  const merged = [...by_id.values()].map(mergeOne);
  const urgency: Record<DestinationState, number> = { breaker_open: 0, failing: 1, slow: 2, healthy: 3 };
  return merged.sort(
    (a, b) => urgency[a.state] - urgency[b.state] || b.attempts - a.attempts || a.name.localeCompare(b.name),
  );
}

function mergeOne(reports: DestinationReport[]): Merged {
  const [first] = reports as [DestinationReport];
  const sum = (of: (report: DestinationReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const newest = (field: 'last_succeeded_at' | 'last_failed_at'): string | null =>
    reports
      .flatMap((report) => report[field] ?? [])
      .sort()
      .at(-1) ?? null;
  const latencies = reports.flatMap(({ latency_ms }) => latency_ms ?? []);
  const worst = (of: 'p50' | 'p95' | 'p99'): number => Math.max(...latencies.map((latency) => latency[of]));
  const breaker = BREAKERS[Math.max(...reports.map((report) => BREAKERS.indexOf(report.breaker)))] ?? 'closed';
  const failures = new Map<string, number>();
  for (const { reason, count } of reports.flatMap((report) => report.failures))
    failures.set(reason, (failures.get(reason) ?? 0) + count);
  const attempts = sum((report) => report.attempts);
  const failed = sum((report) => report.failed);
  const last_failed_at = newest('last_failed_at');
  const latency_ms = latencies.length === 0 ? null : { p50: worst('p50'), p95: worst('p95'), p99: worst('p99') };
  return {
    id: first.id,
    name: first.name,
    action_type: first.action_type,
    state: stateOf({ breaker, attempts, failed, p95_ms: latency_ms?.p95 ?? 0 }),
    breaker,
    next_try_at: reports.flatMap(({ next_try_at }) => next_try_at ?? []).sort()[0] ?? null,
    rate: Math.round((attempts / first.window_s) * 100) / 100,
    attempts,
    failed,
    latency_ms,
    last_succeeded_at: newest('last_succeeded_at'),
    last_failed_at,
    last_error: reports.find((report) => report.last_failed_at === last_failed_at)?.last_error ?? null,
    failures: [...failures].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
    subscription_ids: [...new Set(reports.flatMap((report) => report.subscription_ids))],
  };
}

function stateOf(facts: {
  breaker: DestinationView['breaker'];
  attempts: number;
  failed: number;
  p95_ms: number;
}): DestinationState {
  if (facts.breaker !== 'closed') return 'breaker_open';
  if (facts.failed > 0 && facts.failed / facts.attempts >= FAILING_SHARE) return 'failing';
  return facts.p95_ms >= SLOW_P95_MS ? 'slow' : 'healthy';
}
