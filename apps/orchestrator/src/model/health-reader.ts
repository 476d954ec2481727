import type { ConnectionState, DestinationReport } from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';
import { NO_LISTENER_REASON } from './product-state';
import { type ProductHealthView, productHealth } from './product-health';

interface Row {
  product_id: number;
  enabled: boolean;
  state: ConnectionState;
  connection_error: string | null;
  is_silent: boolean;
  queue_depth: number | null;
  oldest_queued_ms: number | null;
  oldest_unacknowledged_ms: number | null;
  destinations: DestinationReport[] | null;
}

export type ReadHealth = (product_ids: readonly number[]) => Promise<Map<number, ProductHealthView>>;

/** How products are now, by the one function that says so. */
export function createHealthReader(deps: {
  dataSource: DataSource;
  stale_after_ms: number;
  deadLetters(product_ids: number[]): Promise<Map<number, number>>;
}): ReadHealth {
  return async (product_ids) => {
    if (product_ids.length === 0) return new Map();
    const rows = await deps.dataSource.query<Row[]>(
      `SELECT p.id AS product_id, p.enabled, coalesce(s.state, 'no_listener') AS state, s.connection_error,
         coalesce(bool_and(NOT i.is_live), false) AS is_silent, max(r.queue_depth) AS queue_depth,
         max(r.oldest_queued_ms) AS oldest_queued_ms, max(r.oldest_unacknowledged_ms) AS oldest_unacknowledged_ms,
         jsonb_agg(d) FILTER (WHERE d IS NOT NULL) AS destinations
       FROM products p LEFT JOIN mqtt_connection_status s ON s.product_id = p.id
       LEFT JOIN LATERAL (SELECT report, last_heartbeat_at >= now() - make_interval(secs => $2) AS is_live
         FROM listener_instances WHERE product_id = p.id AND stopped_at IS NULL) i ON true
       LEFT JOIN LATERAL jsonb_to_record(i.report) AS r(queue_depth float8, oldest_queued_ms float8,
         oldest_unacknowledged_ms float8, destinations jsonb) ON i.is_live
       LEFT JOIN LATERAL jsonb_array_elements(r.destinations) d ON true
       WHERE p.id = ANY($1::int[]) GROUP BY p.id, s.id`,
      [product_ids, deps.stale_after_ms / 1000],
    );
    const dead_letters = await deps.deadLetters([...product_ids]);
    return new Map(
      rows.map((row) => {
        // The sweep says so a moment later.
        const has_gone = row.is_silent && row.state !== 'no_listener';
        const health = productHealth({
          ...row,
          state: has_gone ? 'stale' : row.state,
          connection_error:
            has_gone && row.state !== 'stale'
              ? 'The heartbeat of its listener has stopped.'
              : (row.connection_error ?? (row.state === 'no_listener' ? NO_LISTENER_REASON : null)),
          dead_letters: dead_letters.get(row.product_id) ?? null,
          destinations: row.destinations ?? [],
        });
        return [row.product_id, health];
      }),
    );
  };
}
