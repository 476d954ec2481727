import { NO_TRAFFIC, type Traffic } from '@cortex-mqtt/alerting';
import type { DataSource } from 'typeorm';

interface BucketRow {
  product_id: number;
  attempts: string;
  failed: string;
  dead: string;
  p95: number | null;
  p99: number | null;
}

/** Messages that the archive lacks, of gaps that end in the last `window_s` seconds, by product. */
export async function loadArchiveGaps(archive: DataSource, window_s: number): Promise<Map<number, number>> {
  const rows = await archive.query<{ product_id: number; messages: string }[]>(
    `SELECT product_id, sum(messages) AS messages FROM message_gaps
     WHERE to_at >= now() - make_interval(secs => $1) GROUP BY product_id`,
    [window_s],
  );
  return new Map(rows.map(({ product_id, messages }) => [product_id, Number(messages)]));
}

/** What happened in the last `window_s` seconds, by product; one without anything is missing. */
export async function loadTraffic(dataSource: DataSource, window_s: number): Promise<Map<number, Traffic>> {
  const buckets = await dataSource.query<BucketRow[]>(
    `SELECT product_id, sum(actions_executed + actions_failed) AS attempts, sum(actions_failed) AS failed,
       sum(deliveries_failed) AS dead, max(latency_p95_ms) AS p95, max(latency_p99_ms) AS p99
     FROM metric_buckets WHERE starts_at >= now() - make_interval(secs => $1) GROUP BY product_id`,
    [window_s],
  );
  const events = await dataSource.query<{ product_id: number; disconnections: string; sessions_lost: string }[]>(
    `SELECT product_id, count(*) FILTER (WHERE type IN ('offline', 'heartbeat_lost')) AS disconnections,
       count(*) FILTER (WHERE type = 'session_lost') AS sessions_lost
     FROM connection_events WHERE at >= now() - make_interval(secs => $1)
       AND type IN ('offline', 'heartbeat_lost', 'session_lost') GROUP BY product_id`,
    [window_s],
  );
  const traffic = new Map<number, Traffic>();
  for (const { product_id, attempts, failed, dead, p95, p99 } of buckets) {
    traffic.set(product_id, {
      ...NO_TRAFFIC,
      attempts: Number(attempts),
      failed: Number(failed),
      dead: Number(dead),
      latency_p95_ms: p95,
      latency_p99_ms: p99,
    });
  }
  for (const { product_id, disconnections, sessions_lost } of events) {
    traffic.set(product_id, {
      ...(traffic.get(product_id) ?? NO_TRAFFIC),
      disconnections: Number(disconnections),
      sessions_lost: Number(sessions_lost),
    });
  }
  return traffic;
}
