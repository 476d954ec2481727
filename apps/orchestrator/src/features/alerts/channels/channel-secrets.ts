import type { FieldFault } from '@cortex-mqtt/contracts';
import { channelPlace, type SecretBox } from '../../secrets/secret-box';
import type { AlertChannelEntity } from '../model/alert-channel.entity';
import { CHANNELS } from './types/channel-registry';
import type { ChannelField, ChannelFields } from './types/channel-type';

/** All fields of a channel, secrets opened. */
export function fieldsOf(channel: AlertChannelEntity, box: SecretBox): ChannelFields {
  const secrets =
    channel.secrets === null ? {} : (JSON.parse(box.open(channel.secrets, channelPlace(channel.id))) as ChannelFields);
  return { ...(channel.settings as ChannelFields), ...secrets };
}

/** Splits fields into those that anybody may read and those that are sealed. */
export function splitFields(
  channel: Pick<AlertChannelEntity, 'type'>,
  fields: ChannelFields,
): { settings: ChannelFields; secrets: ChannelFields } {
  const { secret } = CHANNELS[channel.type];
  const pick = (wanted: boolean): ChannelFields =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => secret.includes(name as ChannelField) === wanted));
  return { settings: pick(false), secrets: pick(true) };
}

/**
 * A stored secret never follows to another place: whoever changes where messages go gives the credentials again. Fields in
 * `given` have just been sent.
 */
export function movedSecrets(
  { type }: Pick<AlertChannelEntity, 'type'>,
  before: ChannelFields,
  after: ChannelFields,
  given: ReadonlySet<string>,
): FieldFault[] {
  const { destination, secret } = CHANNELS[type];
  if (destination(before) === destination(after)) return [];
  return secret
    .filter(
      (field) => field !== 'url' && before[field] !== undefined && after[field] !== undefined && !given.has(field),
    )
    .map((field) => ({ field, message: 'is needed again: messages would go to another place' }));
}
