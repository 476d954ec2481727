import { createHmac } from 'node:crypto';
import { ActionFault } from '../action-fault';

const PREFIX = 'whsec_';

/** Bytes of a key (specification 1.0.0, "Signature scheme"). */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/**
 * Key of a Standard Webhooks secret: base64 behind `whsec_` (specification 1.0.0, "Signature scheme"). Throws a permanent
 * ActionFault that names the secret, never shows it.
 */
export function signingKey(name: string, secret: string): Buffer {
  const key = keyIn(secret);
  if (key === null) {
    throw new ActionFault(`the secret "${name}" is no signing secret: ${SIGNING_SECRET_FORM} is expected`, {
      permanent: true,
      detail: { code: 'SIGNING_SECRET' },
    });
  }
  return key;
}

export const SIGNING_SECRET_FORM = `${PREFIX} and base64 of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes`;

/** Whether a secret can sign. */
export const isSigningSecret = (secret: string): boolean => keyIn(secret) !== null;

function keyIn(secret: string): Buffer | null {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(encoded, 'base64');
  const is_key = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES;
  return is_key ? key : null;
}

/**
 * Header lines `webhook-id`, `webhook-timestamp` and, with keys, `webhook-signature` with one signature a key, each with its
 * CRLF. `at_ms`: milliseconds since the epoch.
 */
export function standardWebhookLines({
  id,
  at_ms,
  body,
  keys,
}: {
  id: string;
  at_ms: number;
  body: string;
  keys: readonly Buffer[];
}): string {
  const timestamp = String(Math.floor(at_ms / 1_000));
  const lines = `webhook-id: ${id}\r\nwebhook-timestamp: ${timestamp}\r\n`;
  if (keys.length === 0) return lines;
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`,
  );
  return `${lines}webhook-signature: ${signatures.join(' ')}\r\n`;
}
