import { factLines, headline, plainText } from './alert-message';
import type { ChannelFields, ChannelType } from './channel-type';
import { originOf, urlFaults } from './webhook.channel';

const PAGERDUTY = 'https://events.pagerduty.com/v2/enqueue';

/** PagerDuty Events API v2. */
export const pagerdutyChannel: ChannelType = {
  title: 'PagerDuty',
  required: ['routing_key'],
  optional: ['url'],
  secret: ['routing_key'],
  check: urlFaults,
  destination: ({ url }) => originOf({ url: url ?? PAGERDUTY }),
  send: ({ routing_key, url }, message, { http }) => {
    const { incident, event } = message;
    const dedup_key = event === 'test' ? message.key : `cortex-mqtt-incident-${incident.id}`;
    const links = [
      { href: message.incident_url, text: 'Incident' },
      ...(incident.runbook_url === null ? [] : [{ href: incident.runbook_url, text: 'Runbook' }]),
    ];
    return http.post({
      url: url ?? PAGERDUTY,
      body: {
        routing_key,
        event_action: event === 'resolved' ? 'resolve' : 'trigger',
        dedup_key,
        client: 'cortex-mqtt',
        client_url: message.incident_url,
        links,
        payload: {
          summary: headline(message).slice(0, 1_024),
          source: incident.products[0]?.name ?? 'cortex-mqtt',
          severity: incident.severity,
          timestamp: incident.started_at,
          class: incident.kind,
          component: 'mqtt',
          custom_details: {
            ...Object.fromEntries(factLines(message)),
            summary: incident.summary,
            advice: incident.advice,
          },
        },
      },
    });
  },
};

/** Far enough away that an alert does not end between two reminders. */
const ALERTMANAGER_HOLD_MS = 24 * 3600_000;

/** Prometheus Alertmanager, API v2. `url` is where it is, with its path prefix if it has one. */
export const alertmanagerChannel: ChannelType = {
  title: 'Alertmanager',
  required: ['url'],
  optional: ['username', 'password', 'token'],
  secret: ['password', 'token'],
  check: urlFaults,
  destination: originOf,
  send: (fields, message, { http }) => {
    const { incident, event } = message;
    const ends_at =
      event === 'resolved'
        ? (incident.resolved_at ?? message.sent_at)
        : new Date(Date.parse(message.sent_at) + ALERTMANAGER_HOLD_MS).toISOString();
    const labels: Record<string, string> = {
      alertname: `CortexMqtt_${incident.kind}`,
      severity: incident.severity,
      incident: event === 'test' ? 'test' : String(incident.id),
      ...(incident.product_count === 1 ? { product: incident.products[0]?.name ?? '' } : {}),
    };
    // A label's name is [a-zA-Z_][a-zA-Z0-9_]*.
    for (const [name, value] of Object.entries(incident.labels))
      labels[name.replace(/\W/g, '_').replace(/^(?=\d)/, '_')] ??= value;
    return http.post({
      url: `${(fields.url ?? '').replace(/\/+$/, '')}/api/v2/alerts`,
      headers: authorization(fields),
      body: [
        {
          labels,
          annotations: {
            summary: incident.title,
            description: plainText(message),
            ...(incident.runbook_url === null ? {} : { runbook_url: incident.runbook_url }),
          },
          startsAt: incident.started_at,
          endsAt: ends_at,
          generatorURL: message.incident_url,
        },
      ],
    });
  },
};

function authorization({ username, password, token }: ChannelFields): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` };
}
