import { KIND_INFO } from '@cortex-mqtt/alerting';
import { currentTitle, incidentState } from '../outbox/incident-message';
import type { IncidentRow } from '../model/outbox.store';
import type { IncidentView } from './incident.dto';

const MAX_PRODUCTS = 20;

export function presentIncident(row: IncidentRow & { rule_id: number }): IncidentView {
  const { meaning, advice, page } = KIND_INFO[row.kind];
  return {
    id: row.id,
    state: incidentState(row),
    kind: row.kind,
    severity: row.severity,
    title: currentTitle(row),
    summary: row.summary,
    meaning,
    advice,
    page,
    rule_id: row.rule_id,
    rule_name: row.rule_name,
    runbook_url: row.runbook_url,
    labels: row.labels,
    cause: row.cause,
    products: row.products.slice(0, MAX_PRODUCTS),
    product_count: row.products.length,
    started_at: row.started_at.toISOString(),
    resolved_at: row.resolved_at?.toISOString() ?? null,
    acknowledged_at: row.acknowledged_at?.toISOString() ?? null,
    acknowledged_by: row.acknowledged_by,
    muted_until: row.muted_until?.toISOString() ?? null,
  };
}
