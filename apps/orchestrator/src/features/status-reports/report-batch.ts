import type { StatusReport, SubscriptionCounters } from '@cortex-mqtt/contracts';
import type { Queries } from '../../database/queries';
import { encodeStatusChange, STATUS_CHANNEL } from '../connection-status/status-channel';
import { BUCKET_WIDTH_S } from '../metrics/metric-buckets';
import { volatilePart } from './report-facts';

/** A report whose facts are known, with counters or gauges that are not. */
export interface CountedReport {
  product_id: number;
  report: StatusReport;
  received_at: Date;
}

export interface Applied {
  product_id: number;
  instance_id: string;
  /** The last delta that is applied. */
  delta_sequence: number;
}

const difference = (name: string) =>
  `greatest(0, (gauges #>> '{counters,${name}}')::bigint - (old_counters ->> '${name}')::bigint)`;

/**
 * Takes in the reports of one batch, at most one of an instance, in one statement. Rows are locked in the order of products, as
 * the full path does: first the status, then the instances. What an instance has counted is the difference to the cumulative
 * counters that are stored of its boot, read under that lock, so that a report which is sent again, or arrives at two
 * orchestrators, counts once; deltas of subscriptions by their sequence likewise. A report whose boot is another or whose
 * sequence is older is not answered by a row.
 */
const APPLY = `WITH input AS (
    SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::jsonb[])
      AS t(product_id, instance_id, boot_id, sequence, delta_sequence, at, gauges)
  ), locked AS MATERIALIZED (
    SELECT product_id FROM mqtt_connection_status WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE
  ), old AS MATERIALIZED (
    SELECT i.id, i.product_id, i.instance_id, i.delta_sequence AS old_delta, i.report -> 'counters' AS old_counters,
      input.sequence, input.delta_sequence, input.at, input.gauges
    FROM input JOIN locked ON locked.product_id = input.product_id
    JOIN listener_instances i ON i.product_id = input.product_id AND i.instance_id = input.instance_id
      AND i.boot_id = input.boot_id
    WHERE i.sequence < input.sequence AND i.stopped_at IS NULL
    ORDER BY i.product_id, i.instance_id FOR UPDATE OF i
  ), instances AS (
    UPDATE listener_instances i SET sequence = old.sequence, delta_sequence = greatest(old.delta_sequence, old.old_delta),
      report = i.report || old.gauges, received_at = old.at, last_heartbeat_at = greatest(i.last_heartbeat_at, old.at)
    FROM old WHERE i.id = old.id
  ), deltas AS (
    SELECT d.subscription_id, d.product_id, sum(d.received) AS received, sum(d.executed) AS executed,
      sum(d.failed) AS failed, max(d.last_at) AS last_at
    FROM unnest($8::int[], $9::text[], $10::int[], $11::bigint[], $12::bigint[], $13::bigint[], $14::timestamptz[])
      AS d(product_id, instance_id, subscription_id, received, executed, failed, last_at)
    JOIN old ON old.product_id = d.product_id AND old.instance_id = d.instance_id AND old.delta_sequence > old.old_delta
    GROUP BY 1, 2
  ), subscriptions AS (
    UPDATE mqtt_subscriptions s SET messages_received = s.messages_received + d.received,
      actions_executed = s.actions_executed + d.executed, actions_failed = s.actions_failed + d.failed,
      last_message_at = greatest(s.last_message_at, d.last_at)
    FROM deltas d JOIN mqtt_configs c ON c.product_id = d.product_id
    WHERE s.id = d.subscription_id AND s.mqtt_config_id = c.id
  ), counted AS (
    SELECT product_id, date_bin(make_interval(secs => ${BUCKET_WIDTH_S}), at, 'epoch') AS starts_at,
      ${difference('messages_received')} AS received, ${difference('deliveries_succeeded')} AS succeeded,
      ${difference('deliveries_failed')} + ${difference('deliveries_dead')} AS failed,
      ${difference('actions_executed')} AS executed, ${difference('actions_failed')} AS actions_failed,
      (gauges #>> '{latency_ms,p50}')::real AS p50, (gauges #>> '{latency_ms,p95}')::real AS p95,
      (gauges #>> '{latency_ms,p99}')::real AS p99
    FROM old
  ), buckets AS (
    INSERT INTO metric_buckets (product_id, width_s, starts_at, messages_received, deliveries_succeeded,
      deliveries_failed, actions_executed, actions_failed, latency_p50_ms, latency_p95_ms, latency_p99_ms)
    SELECT product_id, ${BUCKET_WIDTH_S}, starts_at, sum(received), sum(succeeded), sum(failed), sum(executed),
      sum(actions_failed), max(p50), max(p95), max(p99)
    FROM counted WHERE received + succeeded + failed + executed + actions_failed > 0
    GROUP BY product_id, starts_at ORDER BY product_id, starts_at
    ON CONFLICT (product_id, width_s, starts_at) DO UPDATE SET
      messages_received = metric_buckets.messages_received + excluded.messages_received,
      deliveries_succeeded = metric_buckets.deliveries_succeeded + excluded.deliveries_succeeded,
      deliveries_failed = metric_buckets.deliveries_failed + excluded.deliveries_failed,
      actions_executed = metric_buckets.actions_executed + excluded.actions_executed,
      actions_failed = metric_buckets.actions_failed + excluded.actions_failed,
      latency_p50_ms = greatest(metric_buckets.latency_p50_ms, excluded.latency_p50_ms),
      latency_p95_ms = greatest(metric_buckets.latency_p95_ms, excluded.latency_p95_ms),
      latency_p99_ms = greatest(metric_buckets.latency_p99_ms, excluded.latency_p99_ms),
      updated_at = now()
  ), sums AS (
    SELECT product_id, max(at) AS at, max((gauges ->> 'last_message_at')::timestamptz) AS last_message_at,
      sum(${difference('messages_received')}) AS received
    FROM old GROUP BY product_id
  ), statuses AS (
    UPDATE mqtt_connection_status s SET messages_received = s.messages_received + sums.received,
      last_message_at = greatest(s.last_message_at, sums.last_message_at), updated_at = greatest(s.updated_at, sums.at)
    FROM sums WHERE s.product_id = sums.product_id
  ), notified AS MATERIALIZED (
    SELECT pg_notify($15, $16)
  )
  SELECT product_id, instance_id, greatest(delta_sequence, old_delta)::text AS delta_sequence FROM old, notified`;

/** Resolves once it is committed, with those that were applied. */
export async function applyReports(
  db: Queries,
  { node_id, reports }: { node_id: string; reports: CountedReport[] },
): Promise<Applied[]> {
  const sorted = [...reports].sort((a, b) => a.product_id - b.product_id);
  const deltas = sorted.flatMap(({ product_id, report }) =>
    report.delta.subscriptions.map((item) => ({ product_id, instance_id: report.instance_id, item })),
  );
  const column = (of: (item: SubscriptionCounters) => unknown) => deltas.map(({ item }) => of(item));
  const { rows } = await db.query({
    name: 'fleet-apply',
    text: APPLY,
    values: [
      sorted.map(({ product_id }) => product_id),
      sorted.map(({ report }) => report.instance_id),
      sorted.map(({ report }) => report.boot_id),
      sorted.map(({ report }) => report.sequence),
      sorted.map(({ report }) => report.delta.sequence),
      sorted.map(({ received_at }) => received_at),
      sorted.map(({ report }) => volatilePart(report)),
      deltas.map(({ product_id }) => product_id),
      deltas.map(({ instance_id }) => instance_id),
      column((item) => item.subscription_id),
      column((item) => item.messages_received),
      column((item) => item.actions_executed),
      column((item) => item.actions_failed),
      column((item) => item.last_message_at),
      STATUS_CHANNEL,
      encodeStatusChange({
        node_id,
        kind: 'heartbeat',
        product_ids: [...new Set(sorted.map(({ product_id }) => product_id))],
      }),
    ],
  });
  return (rows as { product_id: number; instance_id: string; delta_sequence: string }[]).map((row) => ({
    ...row,
    delta_sequence: Number(row.delta_sequence),
  }));
}
