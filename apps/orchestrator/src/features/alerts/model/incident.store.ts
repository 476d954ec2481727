import type { AlertRule, RuleKind, Sample, Severity } from '@cortex-mqtt/alerting';
import type { EntityManager } from 'typeorm';
import type { SeriesState } from './state.store';

/** An incident that is not resolved, as far as its next message depends on it. */
export interface OpenIncident {
  id: number;
  kind: RuleKind;
  severity: Severity;
  labels: Record<string, string>;
  channel_ids: number[];
  /** Acknowledged or muted: only its end is told. */
  is_quiet: boolean;
}

const OPEN = `SELECT id, kind, severity, labels, channel_ids,
  acknowledged_at IS NOT NULL OR coalesce(muted_until > now(), false) AS is_quiet
  FROM alert_incidents WHERE resolved_at IS NULL AND`;

/** By its group, or by its id. */
export async function lockOpenIncident(manager: EntityManager, which: string | number): Promise<OpenIncident | null> {
  const column = typeof which === 'string' ? 'group_key' : 'id';
  const [row] = await manager.query<OpenIncident[]>(`${OPEN} ${column} = $1 FOR UPDATE`, [which]);
  return row ?? null;
}

export async function openIncident(
  manager: EntityManager,
  incident: {
    group_key: string;
    rule: AlertRule;
    cause: string | null;
    severity: Severity;
    title: string;
    summary: string;
    started_at: Date;
  },
): Promise<OpenIncident> {
  const { group_key, rule, cause, severity, title, summary, started_at } = incident;
  const [row] = await manager.query<[{ id: number }]>(
    `INSERT INTO alert_incidents (group_key, cause, kind, rule_id, rule_name, severity, title, summary, runbook_url,
       labels, channel_ids, started_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
    [
      group_key,
      cause,
      rule.kind,
      rule.id,
      rule.name,
      severity,
      title,
      summary,
      rule.runbook_url,
      JSON.stringify(rule.labels),
      JSON.stringify(rule.channel_ids),
      started_at,
    ],
  );
  return { id: row.id, kind: rule.kind, severity, labels: rule.labels, channel_ids: rule.channel_ids, is_quiet: false };
}

export async function joinMember(
  manager: EntityManager,
  member: { incident: OpenIncident; rule_id: number; product_id: number; sample: Sample; began_at: Date },
): Promise<void> {
  const { incident, rule_id, product_id, sample, began_at } = member;
  await manager.query(
    `INSERT INTO alert_incident_members (incident_id, product_id, rule_id, series, began_at, value, detail)
     SELECT $1, p.id, $3, $4, $5, $6, $7 FROM products p WHERE p.id = $2
     ON CONFLICT (incident_id, product_id, rule_id, series) DO UPDATE SET ended_at = NULL, value = excluded.value, detail = excluded.detail`,
    [incident.id, product_id, rule_id, sample.key, began_at, sample.value, sample.detail],
  );
}

export async function raiseSeverity(manager: EntityManager, id: number, severity: Severity): Promise<void> {
  await manager.query('UPDATE alert_incidents SET severity = $2, updated_at = now() WHERE id = $1', [id, severity]);
}

/** Ends members, and resolves the incidents that have none left; with the channels that were told of each. */
export async function updateMembers(
  manager: EntityManager,
  ended: readonly SeriesState[],
  now: Date,
): Promise<{ id: number; told: number[] }[]> {
  await manager.query(
    `UPDATE alert_incident_members m SET ended_at = $1
     FROM unnest($2::int[], $3::int[], $4::text[]) AS d(rule_id, product_id, series)
     WHERE m.rule_id = d.rule_id AND m.product_id = d.product_id AND m.series = d.series AND m.ended_at IS NULL`,
    [
      now,
      ended.map(({ rule_id }) => rule_id),
      ended.map(({ product_id }) => product_id),
      ended.map(({ series }) => series),
    ],
  );
  return resolveEmpty(manager, now);
}

/** Resolves open incidents without an open member. */
export async function resolveEmpty(manager: EntityManager, now: Date): Promise<{ id: number; told: number[] }[]> {
  const [rows] = await manager.query<[{ id: number; told: number[] }[], number]>(
    `UPDATE alert_incidents i SET resolved_at = $1, updated_at = now()
     WHERE i.resolved_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM alert_incident_members m WHERE m.incident_id = i.id AND m.ended_at IS NULL)
     RETURNING i.id, coalesce((SELECT jsonb_agg(DISTINCT o.channel_id) FROM alert_outbox o WHERE o.incident_id = i.id), '[]') AS told`,
    [now],
  );
  return rows;
}

export interface IncidentEvent {
  at: Date;
  type:
    | 'opened'
    | 'severity_raised'
    | 'acknowledged'
    | 'muted'
    | 'unmuted'
    | 'commented'
    | 'notified'
    | 'notification_failed'
    | 'resolved';
  /** Who did it; null = cortex-mqtt itself. */
  actor: string | null;
  detail: Record<string, unknown>;
}

export async function addEvent(manager: EntityManager, incident_id: number, event: IncidentEvent): Promise<void> {
  await manager.query(
    'INSERT INTO alert_incident_events (incident_id, at, type, actor, detail) VALUES ($1, $2, $3, $4, $5)',
    [incident_id, event.at, event.type, event.actor, JSON.stringify(event.detail)],
  );
}

export type OutboxEvent = 'opened' | 'updated' | 'reminder' | 'escalated' | 'resolved';

/** A key is enqueued once: who decides the same again changes nothing. */
export async function enqueue(
  manager: EntityManager,
  message: { incident_id: number; channel_id: number; event: OutboxEvent; key: string; due_at: Date },
): Promise<void> {
  const { incident_id, channel_id, event, key, due_at } = message;
  await manager.query(
    `INSERT INTO alert_outbox (incident_id, channel_id, event, message_key, next_try_at)
     SELECT $1, c.id, $3, $4, $5 FROM alert_channels c WHERE c.id = $2 ON CONFLICT (message_key) DO NOTHING`,
    [incident_id, channel_id, event, key, due_at],
  );
}
