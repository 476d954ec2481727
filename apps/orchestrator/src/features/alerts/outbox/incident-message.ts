import { incidentTitle, KIND_INFO } from '@cortex-mqtt/alerting';
import type { AlertChannelEntity } from '../model/alert-channel.entity';
import type { AlertMessage } from '../channels/types/alert-message';
import type { LinkSigner } from './link-signer';
import type { IncidentRow, OutboxRow } from '../model/outbox.store';

const MAX_PRODUCTS = 20;

export const incidentState = ({
  resolved_at,
  acknowledged_at,
}: Pick<IncidentRow, 'resolved_at' | 'acknowledged_at'>) =>
  resolved_at !== null ? 'resolved' : acknowledged_at !== null ? 'acknowledged' : 'firing';

/** An incident of many products is named after what they share, and how many they are now. */
export function currentTitle(
  incident: Pick<IncidentRow, 'kind' | 'rule_name' | 'cause' | 'title' | 'products'>,
): string {
  if (incident.products.length < 2) return incident.title;
  return incidentTitle({
    kind: incident.kind,
    rule_name: incident.rule_name,
    product_names: incident.products.map(({ name }) => name),
    key: '',
    value: null,
    threshold: 0,
    cause: incident.cause,
  });
}

/** The message about an incident as it is now, not as it was when the message was enqueued. */
export async function incidentMessage(
  incident: IncidentRow,
  about: { row: OutboxRow; channel: AlertChannelEntity; links: LinkSigner; console_url: string },
): Promise<AlertMessage> {
  const { row, channel, links, console_url } = about;
  const may_acknowledge =
    row.event !== 'resolved' && incident.resolved_at === null && incident.acknowledged_at === null;
  return {
    key: row.message_key,
    event: row.event,
    sent_at: new Date().toISOString(),
    incident: {
      id: incident.id,
      // It may be over by now; this message still says that it began.
      state: row.event === 'resolved' ? 'resolved' : incidentState({ ...incident, resolved_at: null }),
      kind: incident.kind,
      severity: incident.severity,
      title: currentTitle(incident),
      summary: incident.summary,
      meaning: KIND_INFO[incident.kind].meaning,
      advice: KIND_INFO[incident.kind].advice,
      started_at: incident.started_at.toISOString(),
      resolved_at: row.event === 'resolved' ? (incident.resolved_at?.toISOString() ?? null) : null,
      acknowledged_by: incident.acknowledged_by,
      products: incident.products.slice(0, MAX_PRODUCTS),
      product_count: incident.products.length,
      labels: incident.labels,
      runbook_url: incident.runbook_url,
      rule_name: incident.rule_name,
    },
    incident_url: `${console_url}/alerts/incidents/${incident.id}`,
    acknowledge_url: may_acknowledge
      ? await links.acknowledgeUrl({ incident_id: incident.id, channel_name: channel.name })
      : null,
  };
}
