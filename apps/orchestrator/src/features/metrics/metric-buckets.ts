import type { InstanceCounters, StatusReport } from '@cortex-mqtt/contracts';
import type { EntityManager } from 'typeorm';

/** Width of the finest buckets, seconds. */
export const BUCKET_WIDTH_S = 10;

/** Adds what an instance did since its previous report to the bucket of the moment. */
export async function addToBuckets(
  manager: EntityManager,
  {
    product_id,
    now,
    report,
    previous,
  }: { product_id: number; now: Date; report: StatusReport; previous: StatusReport | null },
): Promise<void> {
  const difference = (name: keyof InstanceCounters): number =>
    Math.max(0, report.counters[name] - (previous?.counters[name] ?? 0));
  const values = [
    difference('messages_received'),
    difference('deliveries_succeeded'),
    difference('deliveries_failed') + difference('deliveries_dead'),
    difference('actions_executed'),
    difference('actions_failed'),
  ];
  if (values.every((value) => value === 0)) return;
  const latency = report.latency_ms;
  const starts_at = new Date(Math.floor(now.getTime() / (BUCKET_WIDTH_S * 1000)) * BUCKET_WIDTH_S * 1000);
  await manager.query(
    `INSERT INTO metric_buckets (product_id, width_s, starts_at, messages_received, deliveries_succeeded,
       deliveries_failed, actions_executed, actions_failed, latency_p50_ms, latency_p95_ms, latency_p99_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
    [
      product_id,
      BUCKET_WIDTH_S,
      starts_at,
      ...values,
      latency?.p50 ?? null,
      latency?.p95 ?? null,
      latency?.p99 ?? null,
    ],
  );
}
