import type { FieldFault } from '@cortex-mqtt/contracts';
import { machineBody } from './alert-message';
import type { ChannelFields, ChannelType } from './channel-type';

/** Faults of a URL that messages are posted to. */
export function urlFaults({ url }: ChannelFields): FieldFault[] {
  if (url === undefined) return [];
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    return [{ field: 'url', message: 'must be an http or https URL' }];
  }
  return parsed.username === '' && parsed.password === ''
    ? []
    : [{ field: 'url', message: 'must not hold a user name or password' }];
}

export const originOf = ({ url = '' }: ChannelFields): string => (URL.canParse(url) ? new URL(url).origin : url);

/** Any program: JSON, signed after Standard Webhooks when it has a secret. */
export const webhookChannel: ChannelType = {
  title: 'Webhook',
  required: ['url'],
  optional: ['signing_secret', 'token'],
  secret: ['signing_secret', 'token'],
  check: (fields) => [...urlFaults(fields), ...secretFaults(fields)],
  destination: originOf,
  send: ({ url = '', signing_secret, token }, message, { http }) =>
    http.post({
      url,
      body: machineBody(message),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(signing_secret === undefined ? {} : { signing: { secret: signing_secret, id: message.key } }),
    }),
};

function secretFaults({ signing_secret }: ChannelFields): FieldFault[] {
  if (signing_secret === undefined) return [];
  const encoded = signing_secret.replace(/^whsec_/, '');
  const is_key = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && Buffer.from(encoded, 'base64').length >= 16;
  return is_key ? [] : [{ field: 'signing_secret', message: 'must be whsec_ and base64 of 24 to 64 bytes' }];
}
