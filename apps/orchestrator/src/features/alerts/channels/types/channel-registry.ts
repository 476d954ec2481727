import type { FieldFault } from '@cortex-mqtt/contracts';
import type { ChannelField, ChannelFields, ChannelType } from './channel-type';
import type { ChannelTypeName } from '../../model/channel-type-names';
import { discordChannel, ntfyChannel, slackChannel, teamsChannel, telegramChannel } from './chat.channels';
import { emailChannel } from './email.channel';
import { mqttChannel } from './mqtt.channel';
import { alertmanagerChannel, pagerdutyChannel } from './on-call.channels';
import { webhookChannel } from './webhook.channel';

export const CHANNELS: Record<ChannelTypeName, ChannelType> = {
  email: emailChannel,
  webhook: webhookChannel,
  slack: slackChannel,
  teams: teamsChannel,
  pagerduty: pagerdutyChannel,
  alertmanager: alertmanagerChannel,
  ntfy: ntfyChannel,
  telegram: telegramChannel,
  discord: discordChannel,
  mqtt: mqttChannel,
};

/** What is missing, wrong, or means nothing to a type. */
export function channelFaults(name: ChannelTypeName, fields: ChannelFields): FieldFault[] {
  const type = CHANNELS[name];
  const known: readonly ChannelField[] = [...type.required, ...type.optional];
  return [
    ...type.required.flatMap((field): FieldFault[] => {
      const value = fields[field];
      const is_missing = value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
      return is_missing ? [{ field, message: `is needed for a channel of type ${name}` }] : [];
    }),
    ...(Object.keys(fields) as ChannelField[]).flatMap((field): FieldFault[] =>
      known.includes(field) ? [] : [{ field, message: `means nothing for a channel of type ${name}` }],
    ),
    ...(type.check?.(fields) ?? []),
  ];
}
