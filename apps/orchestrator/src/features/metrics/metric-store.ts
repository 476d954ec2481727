import type { DataSource, EntityManager } from 'typeorm';
import { BUCKET_WIDTH_S } from './metric-buckets';

const DAY_S = 86_400;
/** Any constant will do, as long as every orchestrator uses the same. */
const ROLL_UP_LOCK = 0x6d657472;

/** How long buckets of a width are kept before they are added up into the next wider ones. */
export const RETENTION = [
  { width_s: BUCKET_WIDTH_S, kept_s: DAY_S },
  { width_s: 60, kept_s: 7 * DAY_S },
  { width_s: 600, kept_s: 30 * DAY_S },
] as const;

/** The finest width that is still kept for a time `age_s` ago. */
export function finestWidth(age_s: number): number {
  // The roll-up runs now and then: near a limit the coarser width is the one to rely on.
  return RETENTION.find(({ kept_s }) => age_s < kept_s)?.width_s ?? RETENTION[RETENTION.length - 1]?.width_s ?? 600;
}

/**
 * Adds old fine buckets up into wider ones, and deletes what is too old. One statement moves a bucket, so it is never
 * counted twice nor lost; only one orchestrator does it at a time. Returns false when another one is at it.
 */
export async function rollUp(dataSource: DataSource, now = new Date()): Promise<boolean> {
  return dataSource.transaction(async (manager) => {
    const [lock] = await manager.query<{ taken: boolean }[]>('SELECT pg_try_advisory_xact_lock($1) AS taken', [
      ROLL_UP_LOCK,
    ]);
    if (!lock?.taken) return false;
    for (const [index, { width_s, kept_s }] of RETENTION.entries()) {
      const limit = new Date(now.getTime() - kept_s * 1000);
      const wider = RETENTION[index + 1];
      if (wider === undefined) {
        await manager.query('DELETE FROM metric_buckets WHERE width_s = $1 AND starts_at < $2', [width_s, limit]);
      } else {
        await moveUp(manager, { from_s: width_s, to_s: wider.width_s, limit });
      }
    }
    return true;
  });
}

/** Moves only whole wider buckets, so that none is begun twice. */
async function moveUp(
  manager: EntityManager,
  { from_s, to_s, limit }: { from_s: number; to_s: number; limit: Date },
): Promise<void> {
  await manager.query(
    `WITH moved AS (
       DELETE FROM metric_buckets
       WHERE width_s = $1::int AND starts_at < date_bin(make_interval(secs => $2::int), $3::timestamptz, 'epoch')
       RETURNING *
     )
     INSERT INTO metric_buckets (product_id, width_s, starts_at, messages_received, deliveries_succeeded,
       deliveries_failed, actions_executed, actions_failed, latency_p50_ms, latency_p95_ms, latency_p99_ms)
     SELECT product_id, $2::int, date_bin(make_interval(secs => $2::int), starts_at, 'epoch') AS bin,
       sum(messages_received), sum(deliveries_succeeded), sum(deliveries_failed), sum(actions_executed),
       sum(actions_failed), max(latency_p50_ms), max(latency_p95_ms), max(latency_p99_ms)
     FROM moved GROUP BY product_id, bin
     ON CONFLICT (product_id, width_s, starts_at) DO UPDATE SET
       messages_received = metric_buckets.messages_received + excluded.messages_received,
       deliveries_succeeded = metric_buckets.deliveries_succeeded + excluded.deliveries_succeeded,
       deliveries_failed = metric_buckets.deliveries_failed + excluded.deliveries_failed,
       actions_executed = metric_buckets.actions_executed + excluded.actions_executed,
       actions_failed = metric_buckets.actions_failed + excluded.actions_failed,
       latency_p50_ms = greatest(metric_buckets.latency_p50_ms, excluded.latency_p50_ms),
       latency_p95_ms = greatest(metric_buckets.latency_p95_ms, excluded.latency_p95_ms),
       latency_p99_ms = greatest(metric_buckets.latency_p99_ms, excluded.latency_p99_ms),
       updated_at = now()`,
    [from_s, to_s, limit],
  );
}

export interface SummedBucket {
  bin: Date;
  messages_received: string;
  deliveries_succeeded: string;
  deliveries_failed: string;
  actions_executed: string;
  actions_failed: string;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  latency_p99_ms: number | null;
}

/** A bucket is in the table at one width only, so that those of all widths add up. */
export function sumBuckets(
  manager: EntityManager,
  { product_id, from, to, width_s }: { product_id: number; from: Date; to: Date; width_s: number },
): Promise<SummedBucket[]> {
  return manager.query(
    `SELECT date_bin(make_interval(secs => $4::int), starts_at, 'epoch') AS bin,
       sum(messages_received) AS messages_received, sum(deliveries_succeeded) AS deliveries_succeeded,
       sum(deliveries_failed) AS deliveries_failed, sum(actions_executed) AS actions_executed,
       sum(actions_failed) AS actions_failed, max(latency_p50_ms) AS latency_p50_ms,
       max(latency_p95_ms) AS latency_p95_ms, max(latency_p99_ms) AS latency_p99_ms
     FROM metric_buckets WHERE product_id = $1 AND starts_at >= $2 AND starts_at < $3
     GROUP BY bin ORDER BY bin`,
    [product_id, from, to, width_s],
  );
}
