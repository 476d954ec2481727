import type { MetricPoint, Metrics } from '../../api/types';

/** Listeners report every few seconds: a point that ended just now may still grow. */
const REPORT_LAG_S = 6;

export interface MetricSeries {
  times_s: number[];
  width_s: number;
  /** Messages per second; null before the product existed. */
  rate: (number | null)[];
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  p99_ms: (number | null)[];
  failed_actions: number[];
  failed_deliveries: number[];
  sums: Pick<
    MetricPoint,
    'messages_received' | 'deliveries_succeeded' | 'deliveries_failed' | 'actions_attempted' | 'actions_failed'
  >;
}

/**
 * Points as the charts draw them. The last one, which is still being filled, would look like a drop: it is left out of
 * the lines, and counted in the sums. Before `created_at` there is a gap, not a line at zero.
 */
export function seriesOf(metrics: Metrics, created_at?: string): MetricSeries {
  const { points, width_s } = metrics;
  const end_s = Date.parse(metrics.to) / 1_000;
  const whole = points.filter((point) => Date.parse(point.at) / 1_000 + width_s <= end_s - REPORT_LAG_S);
  const existed = (point: MetricPoint) =>
    created_at === undefined || Date.parse(point.at) + width_s * 1_000 > Date.parse(created_at);
  const sum = (field: keyof MetricSeries['sums']) => points.reduce((total, point) => total + point[field], 0);
  return {
    times_s: whole.map((point) => Date.parse(point.at) / 1_000),
    width_s,
    rate: whole.map((point) => (existed(point) ? point.messages_received / width_s : null)),
    p50_ms: whole.map((point) => point.latency_p50_ms),
    p95_ms: whole.map((point) => point.latency_p95_ms),
    p99_ms: whole.map((point) => point.latency_p99_ms),
    failed_actions: whole.map((point) => point.actions_failed),
    failed_deliveries: whole.map((point) => point.deliveries_failed),
    sums: {
      messages_received: sum('messages_received'),
      deliveries_succeeded: sum('deliveries_succeeded'),
      deliveries_failed: sum('deliveries_failed'),
      actions_attempted: sum('actions_attempted'),
      actions_failed: sum('actions_failed'),
    },
  };
}

/** The newest value that there is, and the highest; null when there is none. */
export function latestAndHighest(values: (number | null)[]): { latest: number; highest: number } | null {
  const known = values.filter((value) => value !== null);
  const latest = known.at(-1);
  return latest === undefined ? null : { latest, highest: Math.max(...known) };
}

/** `0`, `0.4`, `12`, `1,234`: as many digits as a glance can use. */
export function perSecond(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 0.01) return '< 0.01';
  if (rate < 10) return String(Number(rate.toPrecision(2)));
  return Math.round(rate).toLocaleString('en');
}

/** `99.98 %`; never rounded up to 100. */
export function percent(share: number): string {
  const floored = Math.floor(share * 10_000) / 100;
  return `${floored === 100 ? 100 : floored.toFixed(floored >= 99 ? 2 : 1)} %`;
}
