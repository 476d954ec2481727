import { createHmac } from 'node:crypto';
import { ActionFault } from '../action-fault';

const PREFIX = 'whsec_';

/**
 * Key of a Standard Webhooks secret: base64 behind `whsec_` (specification 1.0.0, "Signature scheme"). Throws a permanent
 * ActionFault that names the secret, never shows it.
 */
export function signingKey(name: string, secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(encoded, 'base64');
  if (key.length < 16 || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) {
    throw new ActionFault(
      `the secret "${name}" is no signing secret: ${PREFIX} and base64 of 24 to 64 bytes is expected`,
      {
        permanent: true,
        detail: { code: 'SIGNING_SECRET' },
      },
    );
  }
  return key;
}

/**
 * `webhook-id`, `webhook-timestamp` and, with keys, `webhook-signature` with one signature a key; name and value in turn.
 * `at_ms`: milliseconds since the epoch.
 */
export function standardWebhookHeaders({
  id,
  at_ms,
  body,
  keys,
}: {
  id: string;
  at_ms: number;
  body: string | Buffer;
  keys: readonly Buffer[];
}): string[] {
  const timestamp = String(Math.floor(at_ms / 1_000));
  const headers = ['webhook-id', id, 'webhook-timestamp', timestamp];
  if (keys.length > 0) {
    const signatures = keys.map(
      (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`,
    );
    headers.push('webhook-signature', signatures.join(' '));
  }
  return headers;
}
