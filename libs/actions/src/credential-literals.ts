import type { FieldFault } from '@cortex-mqtt/contracts';
import { parseTemplate } from '@cortex-mqtt/expressions';
import { literalOf } from './field-checks';

/** Words of which one makes a name that of a credential. */
const CREDENTIAL_NAME =
  /(?:^|[-_.])(?:authorization|cookie|key|token|secret|password|passwd|passphrase|credentials?|apikey|signature|auth)(?:$|[-_.])/i;
/** `idempotency-key` and the like name something else. */
const OTHER_KEYS =
  /^(?:idempotency|partition|routing|cache|message|correlation|sort|primary|foreign)[-_.]?key$|^sec-websocket-key$/i;
/** A scheme alone is no credential, what stands behind it is. */
const SCHEME_ONLY = /^\s*(?:bearer|basic|digest|token|apikey|key|negotiate|aws4-hmac-sha256)?\s*$/i;
/** Shorter is a word, not a credential. */
const MIN_CREDENTIAL_CHARS = 6;

/**
 * The fault of a name that holds a credential with a value that is written out: definitions are readable by all who may see the
 * product, are audited, exported and shown. Null where there is none, or where it comes from a secret or the message.
 */
export function credentialFault(field: string, name: string, value: unknown): FieldFault | null {
  if (typeof value !== 'string' || !CREDENTIAL_NAME.test(name) || OTHER_KEYS.test(name)) return null;
  const literal = literalOf(value);
  // A template that can't be read has a fault of its own.
  if (literal === null || SCHEME_ONLY.test(literal) || literal.trim().length < MIN_CREDENTIAL_CHARS) return null;
  if (hasSecret(value)) return null;
  return {
    field,
    message: 'looks like a credential that is written out: store it as a secret and write {{secrets.NAME}} here',
  };
}

/** The same for a map, such as headers or user properties. */
export function credentialFaults(field: string, map: Record<string, unknown> | undefined): FieldFault[] {
  return Object.entries(map ?? {}).flatMap(([name, value]) => credentialFault(`${field}.${name}`, name, value) ?? []);
}

const hasSecret = (text: string): boolean =>
  parseTemplate(text).some((part) => typeof part !== 'string' && part.kind === 'secret');
