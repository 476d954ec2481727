import type { RuleKind, Severity } from '@cortex-mqtt/alerting';
import type { OutboxEvent } from '../../model/incident.store';

/** What a channel tells, the same for all of them. */
export interface AlertMessage {
  /** The same at each attempt: who gets a message twice can tell. */
  key: string;
  event: OutboxEvent | 'test';
  sent_at: string;
  incident: {
    id: number;
    state: 'firing' | 'acknowledged' | 'resolved';
    kind: RuleKind;
    severity: Severity;
    title: string;
    summary: string;
    /** What it means for those who wait for messages, and what to do. */
    meaning: string;
    advice: string;
    started_at: string;
    resolved_at: string | null;
    acknowledged_by: string | null;
    /** At most 20 of them. */
    products: { id: number; name: string }[];
    product_count: number;
    labels: Record<string, string>;
    runbook_url: string | null;
    rule_name: string;
  };
  incident_url: string;
  /** Acknowledges once, without signing in; null where there is nothing to acknowledge. */
  acknowledge_url: string | null;
}

const PREFIX: Record<AlertMessage['event'], string> = {
  opened: '',
  updated: 'Worse: ',
  reminder: 'Still firing: ',
  escalated: 'Not acknowledged: ',
  resolved: 'Resolved: ',
  test: 'Test: ',
};

export const headline = ({ event, incident }: AlertMessage): string =>
  `${event === 'resolved' ? '' : `[${incident.severity}] `}${PREFIX[event]}${incident.title}`;

/** Name and value of what a reader wants to know. */
export function factLines({ incident }: AlertMessage): [string, string][] {
  const { products, product_count, started_at, resolved_at, labels, acknowledged_by } = incident;
  const names = products.map(({ name }) => name).join(', ');
  const more = product_count - products.length;
  const lines: [string, string][] = [
    ['Severity', incident.severity],
    [product_count === 1 ? 'Product' : `Products (${product_count})`, more > 0 ? `${names} and ${more} more` : names],
    ['Since', utc(started_at)],
  ];
  if (resolved_at !== null) lines.push(['Resolved', utc(resolved_at)]);
  if (acknowledged_by !== null) lines.push(['Acknowledged by', acknowledged_by]);
  for (const [name, value] of Object.entries(labels)) lines.push([name, value]);
  return lines;
}

const utc = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`;

/** The whole message as plain text. */
export function plainText(message: AlertMessage): string {
  const { incident, event, incident_url, acknowledge_url } = message;
  const is_over = event === 'resolved';
  const parts = [
    incident.summary,
    factLines(message)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
    ...(is_over ? [] : [`What it means: ${incident.meaning}`, `What to do: ${incident.advice}`]),
    [
      `Incident: ${incident_url}`,
      ...(acknowledge_url === null ? [] : [`Acknowledge: ${acknowledge_url}`]),
      ...(incident.runbook_url === null ? [] : [`Runbook: ${incident.runbook_url}`]),
    ].join('\n'),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** What a webhook, an MQTT topic or another program gets. */
export function machineBody(message: AlertMessage): Record<string, unknown> {
  const { event, key, sent_at, incident, incident_url, acknowledge_url } = message;
  return {
    type: `incident.${event}`,
    key,
    timestamp: sent_at,
    data: { ...incident, url: incident_url, acknowledge_url },
  };
}
