import type { PastValue, RuleKind } from '@cortex-mqtt/alerting';
import type { DataSource } from 'typeorm';

export interface PastRange {
  from: Date;
  to: Date;
  step_s: number;
}

interface BucketRow {
  product_id: number;
  bin: Date;
  messages: string;
  attempts: string;
  failed: string;
  dead: string;
  p95: number | null;
  p99: number | null;
}

/** Buckets of the past, with those of a window before `from`. */
export function pastBuckets(
  dataSource: DataSource,
  product_ids: readonly number[],
  { from, to, step_s, window_s }: PastRange & { window_s: number },
): Promise<BucketRow[]> {
  return dataSource.query(
    `SELECT product_id, date_bin(make_interval(secs => $4::int), starts_at, 'epoch') AS bin, sum(messages_received) AS messages,
       sum(actions_executed + actions_failed) AS attempts, sum(actions_failed) AS failed, sum(deliveries_failed) AS dead,
       max(latency_p95_ms) AS p95, max(latency_p99_ms) AS p99
     FROM metric_buckets WHERE product_id = ANY($1::int[]) AND starts_at >= $2 AND starts_at < $3
     GROUP BY product_id, bin ORDER BY bin`,
    [product_ids, new Date(from.getTime() - window_s * 1000), to, step_s],
  );
}

/** Changes of the connection of products, the last one before `from` too. */
export function pastTransitions(
  dataSource: DataSource,
  product_ids: readonly number[],
  { from, to }: PastRange,
  types: readonly string[],
): Promise<{ product_id: number; at: Date; type: string }[]> {
  return dataSource.query(
    `(SELECT DISTINCT ON (product_id) product_id, at, type FROM connection_events
       WHERE product_id = ANY($1::int[]) AND type = ANY($4::text[]) AND at < $2 ORDER BY product_id, at DESC, id DESC)
     UNION ALL
     (SELECT product_id, at, type FROM connection_events
       WHERE product_id = ANY($1::int[]) AND type = ANY($4::text[]) AND at >= $2 AND at < $3)
     ORDER BY at`,
    [product_ids, from, to, types],
  );
}

/** What a kind would have measured at each step, from the buckets of one product. */
export function fromBuckets(
  kind: RuleKind,
  rows: readonly BucketRow[],
  { from, to, step_s, window_s, min_count }: PastRange & { window_s: number; min_count: number },
): PastValue[] {
  const steps = Math.max(1, Math.ceil(window_s / step_s));
  const by_time = new Map(rows.map((row) => [row.bin.getTime(), row]));
  const first_ms = Math.ceil(from.getTime() / (step_s * 1000)) * step_s * 1000;
  const values: PastValue[] = [];
  let last_message_ms: number | null = null;
  for (let at_ms = first_ms; at_ms < to.getTime(); at_ms += step_s * 1000) {
    const window = Array.from({ length: steps }, (_, index) => by_time.get(at_ms - (index + 1) * step_s * 1000)).filter(
      (row) => row !== undefined,
    );
    const sum = (field: 'attempts' | 'failed' | 'dead'): number =>
      window.reduce((total, row) => total + Number(row[field]), 0);
    const highest = (field: 'p95' | 'p99'): number | null => {
      const known = window.map((row) => row[field]).filter((value) => value !== null);
      return known.length === 0 ? null : Math.max(...known);
    };
    if (Number(by_time.get(at_ms - step_s * 1000)?.messages ?? 0) > 0) last_message_ms = at_ms;
    const attempts = sum('attempts');
    const value = {
      failure_rate: () => (attempts < Math.max(1, min_count) ? 0 : sum('failed') / attempts),
      dead_letters_growing: () => sum('dead'),
      latency_p95: () => highest('p95'),
      latency_p99: () => highest('p99'),
      // Before the first message of the range nothing is known.
      silence: () => (last_message_ms === null ? null : (at_ms - last_message_ms) / 1000),
    }[kind as 'failure_rate'];
    values.push({ at_ms, value: value() });
  }
  return values;
}

/** What a kind would have measured at each step, from the transitions of one product. */
export function fromTransitions(
  kind: RuleKind,
  events: readonly { at: Date; type: string }[],
  { from, to, step_s, window_s }: PastRange & { window_s: number },
): PastValue[] {
  const values: PastValue[] = [];
  const is_state = kind === 'not_connected';
  const counted = kind === 'session_lost' ? ['session_lost'] : ['offline', 'heartbeat_lost'];
  let state: number | null = null;
  let next = 0;
  for (let at_ms = from.getTime(); at_ms < to.getTime(); at_ms += step_s * 1000) {
    let was_down = false;
    for (let event = events[next]; event !== undefined && event.at.getTime() <= at_ms; event = events[++next]) {
      state = event.type === 'online' ? 0 : 1;
      was_down ||= state === 1;
    }
    // A break shorter than a step shows for one step.
    if (is_state) values.push({ at_ms, value: was_down ? 1 : state });
    else {
      const count = events.filter(
        ({ at, type }) => counted.includes(type) && at.getTime() <= at_ms && at.getTime() > at_ms - window_s * 1000,
      ).length;
      values.push({ at_ms, value: count });
    }
  }
  return values;
}
