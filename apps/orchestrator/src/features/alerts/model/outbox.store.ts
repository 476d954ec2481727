import type { RuleKind, Severity } from '@cortex-mqtt/alerting';
import type { DataSource, EntityManager } from 'typeorm';
import type { OutboxEvent } from './incident.store';

export interface OutboxRow {
  id: string;
  incident_id: number;
  channel_id: number;
  event: OutboxEvent;
  message_key: string;
  /** This attempt counted. */
  attempts: number;
}

/**
 * Takes messages that are due, for `lease_s`: whoever dies with one leaves it to the next. One incident's messages to a
 * channel leave in their order.
 */
export async function takeDue(
  dataSource: DataSource,
  { limit, lease_s }: { limit: number; lease_s: number },
): Promise<OutboxRow[]> {
  const [rows] = await dataSource.query<[OutboxRow[], number]>(
    `UPDATE alert_outbox SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => $2)
     WHERE id IN (
       SELECT o.id FROM alert_outbox o
       WHERE o.sent_at IS NULL AND o.failed_at IS NULL AND o.next_try_at <= now() AND NOT EXISTS (
         SELECT 1 FROM alert_outbox e WHERE e.incident_id = o.incident_id AND e.channel_id = o.channel_id AND e.id < o.id
           AND e.sent_at IS NULL AND e.failed_at IS NULL)
       ORDER BY o.next_try_at, o.id FOR UPDATE SKIP LOCKED LIMIT $1)
     RETURNING id, incident_id, channel_id, event, message_key, attempts`,
    [limit, lease_s],
  );
  return rows;
}

export async function markSent(manager: EntityManager, id: string): Promise<void> {
  await manager.query('UPDATE alert_outbox SET sent_at = now(), last_error = NULL WHERE id = $1', [id]);
}

/** `delay_ms` null: given up. */
export async function markFailed(
  manager: EntityManager,
  { id, reason, delay_ms, counts }: { id: string; reason: string; delay_ms: number | null; counts: boolean },
): Promise<void> {
  await manager.query(
    `UPDATE alert_outbox SET last_error = $2, next_try_at = now() + make_interval(secs => coalesce($3::float8, 0)),
       failed_at = CASE WHEN $3::float8 IS NULL THEN now() END, attempts = attempts - $4::int WHERE id = $1`,
    [id, reason.slice(0, 2_000), delay_ms === null ? null : delay_ms / 1000, counts ? 0 : 1],
  );
}

export interface IncidentRow {
  id: number;
  kind: RuleKind;
  severity: Severity;
  title: string;
  summary: string;
  cause: string | null;
  rule_name: string;
  runbook_url: string | null;
  labels: Record<string, string>;
  started_at: Date;
  resolved_at: Date | null;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  muted_until: Date | null;
  products: { id: number; name: string }[];
}

/** An incident with the products that it concerns, those that still are first. */
export async function readIncident(manager: EntityManager, id: number): Promise<IncidentRow | null> {
  const [row] = await manager.query<IncidentRow[]>(
    `SELECT i.*, (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name) ORDER BY m.is_over, p.name), '[]')
       FROM (SELECT product_id, bool_and(ended_at IS NOT NULL) AS is_over FROM alert_incident_members
         WHERE incident_id = i.id GROUP BY product_id) m JOIN products p ON p.id = m.product_id) AS products
     FROM alert_incidents i WHERE i.id = $1`,
    [id],
  );
  return row ?? null;
}
