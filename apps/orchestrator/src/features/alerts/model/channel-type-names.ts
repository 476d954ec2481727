export const CHANNEL_TYPES = [
  'email',
  'webhook',
  'slack',
  'teams',
  'pagerduty',
  'alertmanager',
  'ntfy',
  'telegram',
  'discord',
  'mqtt',
] as const;
export type ChannelTypeName = (typeof CHANNEL_TYPES)[number];
