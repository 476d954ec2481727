import type { AlertChannel } from '../../api/types';

type ChannelType = AlertChannel['type'];

/** What a form asks for, by type. */
export const CHANNEL_FIELDS: Record<ChannelType, readonly string[]> = {
  email: ['to', 'from', 'smtp_host', 'smtp_port', 'smtp_security', 'username', 'password'],
  webhook: ['url', 'signing_secret', 'token'],
  slack: ['url'],
  teams: ['url'],
  pagerduty: ['routing_key'],
  alertmanager: ['url', 'username', 'password', 'token'],
  ntfy: ['url', 'token'],
  telegram: ['token', 'chat_id'],
  discord: ['url'],
  mqtt: ['url', 'topic', 'username', 'password'],
};

/** Of these the server never answers the value. */
export const SECRET_FIELDS: Record<ChannelType, readonly string[]> = {
  email: ['password'],
  webhook: ['signing_secret', 'token'],
  slack: ['url'],
  teams: ['url'],
  pagerduty: ['routing_key'],
  alertmanager: ['password', 'token'],
  ntfy: ['token'],
  telegram: ['token'],
  discord: ['url'],
  mqtt: ['password'],
};

/** The fields of a type as the server takes them; one that is empty is left as it is stored. */
export function channelBody(type: ChannelType, values: Record<string, string>): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of CHANNEL_FIELDS[type]) {
    const value = values[field]?.trim() ?? '';
    if (value === '') continue;
    body[field] = field === 'smtp_port' ? Number(value) : value;
  }
  return body;
}
