import type { AlertState, AlertStateName, Severity } from '@cortex-mqtt/alerting';
import type { DataSource, EntityManager } from 'typeorm';

/** Where one series of one rule in one product stands. */
export interface SeriesState extends AlertState {
  rule_id: number;
  product_id: number;
  series: string;
  /** The incident that it is part of; null while it does not fire. */
  incident_id: number | null;
}

export const seriesName = ({
  rule_id,
  product_id,
  series,
}: Pick<SeriesState, 'rule_id' | 'product_id' | 'series'>): string => `${rule_id} ${product_id} ${series}`;

interface StateRow {
  rule_id: number;
  product_id: number;
  series: string;
  state: AlertStateName;
  since: Date;
  fired_at: Date | null;
  value: number | null;
  severity: Severity;
  incident_id: number | null;
}

export async function loadStates(dataSource: DataSource): Promise<Map<string, SeriesState>> {
  const rows = await dataSource.query<StateRow[]>('SELECT * FROM alert_states');
  return new Map(
    rows.map(({ since, fired_at, ...row }) => [
      seriesName(row),
      { ...row, since_ms: since.getTime(), fired_at_ms: fired_at?.getTime() ?? null },
    ]),
  );
}

/** Writes states whose name has changed; what only has another value is not worth a row version. */
export async function saveStates(manager: EntityManager, states: readonly SeriesState[]): Promise<void> {
  const kept = states.filter(({ state }) => state !== 'resolved');
  const gone = states.filter(({ state }) => state === 'resolved');
  if (kept.length > 0) {
    // A rule or product may have been deleted since it was read.
    await manager.query(
      `INSERT INTO alert_states (rule_id, product_id, series, state, since, fired_at, value, severity, incident_id)
       SELECT d.* FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
         $7::float8[], $8::text[], $9::int[]) AS d(rule_id, product_id, series, state, since, fired_at, value, severity, incident_id)
       WHERE EXISTS (SELECT 1 FROM alert_rules r WHERE r.id = d.rule_id)
         AND EXISTS (SELECT 1 FROM products p WHERE p.id = d.product_id)
       ON CONFLICT (rule_id, product_id, series) DO UPDATE SET state = excluded.state, since = excluded.since,
         fired_at = excluded.fired_at, value = excluded.value, severity = excluded.severity,
         incident_id = excluded.incident_id`,
      columns(kept),
    );
  }
  if (gone.length > 0) {
    await manager.query(
      `DELETE FROM alert_states s USING unnest($1::int[], $2::int[], $3::text[]) AS d(rule_id, product_id, series)
       WHERE s.rule_id = d.rule_id AND s.product_id = d.product_id AND s.series = d.series`,
      columns(gone).slice(0, 3),
    );
  }
}

function columns(states: readonly SeriesState[]): unknown[][] {
  return [
    states.map(({ rule_id }) => rule_id),
    states.map(({ product_id }) => product_id),
    states.map(({ series }) => series),
    states.map(({ state }) => state),
    states.map(({ since_ms }) => new Date(since_ms)),
    states.map(({ fired_at_ms }) => (fired_at_ms === null ? null : new Date(fired_at_ms))),
    states.map(({ value }) => value),
    states.map(({ severity }) => severity),
    states.map(({ incident_id }) => incident_id),
  ];
}
