import type { EntityManager } from 'typeorm';
import type { ProductScope } from '../../../http/principal';
import type { IncidentRow } from '../model/outbox.store';
import type { IncidentListQuery } from './incident.dto';

export type ListedIncident = IncidentRow & { rule_id: number };

const STATE_CONDITION = {
  open: 'i.resolved_at IS NULL',
  firing: 'i.resolved_at IS NULL AND i.acknowledged_at IS NULL',
  acknowledged: 'i.resolved_at IS NULL AND i.acknowledged_at IS NOT NULL',
  resolved: 'i.resolved_at IS NOT NULL',
} as const;

/** Open ones first, the newest of them on top. */
export async function listIncidents(
  manager: EntityManager,
  query: IncidentListQuery,
  { skip, take, scope }: { skip: number; take: number; scope: ProductScope },
): Promise<{ rows: ListedIncident[]; total: number }> {
  const conditions: string[] = ['true'];
  const parameters: unknown[] = [];
  const add = (sql: (place: string) => string, value: unknown): void => {
    parameters.push(value);
    conditions.push(sql(`$${parameters.length}`));
  };
  if (query.state !== undefined) conditions.push(STATE_CONDITION[query.state]);
  if (scope !== 'all') {
    add(
      (place) =>
        `EXISTS (SELECT 1 FROM alert_incident_members m WHERE m.incident_id = i.id AND m.product_id = ANY(${place}::int[]))`,
      scope,
    );
  }
  if (query.product_id !== undefined) {
    add(
      (place) =>
        `EXISTS (SELECT 1 FROM alert_incident_members m WHERE m.incident_id = i.id AND m.product_id = ${place})`,
      query.product_id,
    );
  }
  if (query.severity !== undefined) add((place) => `i.severity = ${place}`, query.severity);
  if (query.kind !== undefined) add((place) => `i.kind = ${place}`, query.kind);
  if (query.from !== undefined) add((place) => `coalesce(i.resolved_at, now()) >= ${place}`, new Date(query.from));
  if (query.to !== undefined) add((place) => `i.started_at < ${place}`, new Date(query.to));
  const where = conditions.join(' AND ');
  const [count] = await manager.query<[{ total: number }]>(
    `SELECT count(*)::int AS total FROM alert_incidents i WHERE ${where}`,
    parameters,
  );
  const rows = await manager.query<ListedIncident[]>(
    `SELECT i.*, (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name) ORDER BY m.is_over, p.name), '[]')
       FROM (SELECT product_id, bool_and(ended_at IS NOT NULL) AS is_over FROM alert_incident_members
         WHERE incident_id = i.id GROUP BY product_id) m JOIN products p ON p.id = m.product_id) AS products
     FROM alert_incidents i WHERE ${where}
     ORDER BY i.resolved_at IS NOT NULL, i.started_at DESC, i.id DESC LIMIT ${take} OFFSET ${skip}`,
    parameters,
  );
  return { rows, total: count.total };
}

export interface MemberRow {
  product_id: number;
  product_name: string;
  series: string;
  began_at: Date;
  ended_at: Date | null;
  value: number | null;
  detail: string | null;
}

export function listMembers(manager: EntityManager, incident_id: number, scope: ProductScope): Promise<MemberRow[]> {
  return manager.query(
    `SELECT m.product_id, p.name AS product_name, m.series, m.began_at, m.ended_at, m.value, m.detail
     FROM alert_incident_members m JOIN products p ON p.id = m.product_id
     WHERE m.incident_id = $1 AND ($2::int[] IS NULL OR m.product_id = ANY($2))
     ORDER BY m.ended_at IS NOT NULL, m.began_at, p.name, m.series LIMIT 500`,
    [incident_id, scope === 'all' ? null : scope],
  );
}

export async function listEvents(
  manager: EntityManager,
  incident_id: number,
): Promise<{ at: Date; type: string; actor: string | null; detail: Record<string, unknown> }[]> {
  const newest = await manager.query<
    { at: Date; type: string; actor: string | null; detail: Record<string, unknown> }[]
  >('SELECT at, type, actor, detail FROM alert_incident_events WHERE incident_id = $1 ORDER BY id DESC LIMIT 500', [
    incident_id,
  ]);
  return newest.reverse();
}

/** Forgets what was resolved long ago, and links that nobody can use any more. */
export async function pruneIncidents(manager: EntityManager, { keep_days }: { keep_days: number }): Promise<void> {
  await manager.query('DELETE FROM alert_incidents WHERE resolved_at < now() - make_interval(days => $1)', [keep_days]);
  await manager.query(`DELETE FROM alert_links WHERE expires_at < now() - interval '1 day'`);
}
