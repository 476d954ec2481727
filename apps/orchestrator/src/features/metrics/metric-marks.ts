import type { EntityManager } from 'typeorm';
import type { MetricMarkView } from './metrics.dto';

/** The newest ones; a chart with more would show nothing else. */
const MAX_MARKS = 100;
const CONFIGURATION = ['mqtt_config', 'mqtt_broker', 'mqtt_subscription', 'product', 'product_secret'];
const CHANGES = ['create', 'update', 'delete', 'reorder', 'release'];

interface Row {
  at: Date;
  kind: MetricMarkView['kind'];
  text: string;
  incident_id: number | null;
}

/** What happened to a product meanwhile and may explain its charts, oldest first. */
export async function readMarks(
  manager: EntityManager,
  { product_id, from, to }: { product_id: number; from: Date; to: Date },
): Promise<MetricMarkView[]> {
  const rows = await manager.query<Row[]>(
    `SELECT * FROM (
       SELECT created_at AS at, 'configuration' AS kind,
         translate(regexp_replace(action, '^(mqtt_|product_(?=secret))', ''), '.', ' ') || coalesce(' ' || entity_name, '') AS text,
         NULL::int AS incident_id
       FROM audit_logs WHERE product_id = $1::int AND created_at BETWEEN $2 AND $3
         AND entity_type = ANY($4::text[]) AND split_part(action, '.', 2) = ANY($5::text[])
       UNION ALL
       SELECT m.began_at, 'incident', i.title, i.id FROM alert_incident_members m
         JOIN alert_incidents i ON i.id = m.incident_id
       WHERE m.product_id = $1::int AND m.began_at BETWEEN $2 AND $3
       UNION ALL
       SELECT at, 'failover', type || coalesce(': ' || (detail ->> 'from') || ' to ' || (detail ->> 'to'), ''), NULL
       FROM connection_events
       WHERE product_id = $1::int AND at BETWEEN $2 AND $3 AND type IN ('failover', 'failback')
     ) marks ORDER BY at DESC LIMIT $6`,
    [product_id, from, to, CONFIGURATION, CHANGES, MAX_MARKS],
  );
  return rows.reverse().map((row) => ({ ...row, at: row.at.toISOString() }));
}
