import type { FieldFault } from '@cortex-mqtt/contracts';
import { parseTemplate } from '@cortex-mqtt/expressions';
import { literalOf } from './field-checks';

/** Words of which one makes a name that of a credential. */
const CREDENTIAL_NAME =
  /(?:^|[-_.])(?:authorization|cookie|key|token|secret|password|passwd|passphrase|credentials?|apikey|signature|auth)(?:$|[-_.])/i;
/** `idempotency-key` and the like name something else. */
const OTHER_KEYS =
  /^(?:idempotency|partition|routing|cache|message|correlation|sort|primary|foreign)[-_.]?key$|^sec-websocket-key$/i;
const ADVICE = 'store it as a secret and write {{secrets.NAME}} here';
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
    message: `looks like a credential that is written out: ${ADVICE}`,
  };
}

/** The same for a map, such as headers or user properties. */
export function credentialFaults(field: string, map: Record<string, unknown> | undefined): FieldFault[] {
  return Object.entries(map ?? {}).flatMap(([name, value]) => credentialFault(`${field}.${name}`, name, value) ?? []);
}

/** Fields with names of the user's own. */
const NAMED_MAPS = new Set(['headers', 'user_properties']);

/** Services whose URLs are their credential. */
const CREDENTIAL_URLS = [
  /^https:\/\/hooks\.slack\.com\/(?:services|workflows|triggers)\/\w/i,
  /^https:\/\/(?:[\w-]+\.)?discord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]{20}/i,
  /^https:\/\/api\.telegram\.org\/bot\d+:[\w-]{20}/i,
  /^https:\/\/[\w.-]+\.webhook\.office\.com\/webhookb2\/\w/i,
];

/** The same for a URL: its user and password, its query, and services that have a key as their path. */
export function urlCredentialFaults(field: string, url: string): FieldFault[] {
  const fault = { field, message: `holds a credential that is written out: ${ADVICE}` };
  if (/^[a-z][\w+.-]*:\/\/[^/?#@{}]*:[^/?#@{}]+@/i.test(url)) return [fault];
  if (CREDENTIAL_URLS.some((pattern) => pattern.test(url))) return [fault];
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  return query.split('&').flatMap((pair) => {
    const [name = '', ...value] = pair.split('=');
    const found = credentialFault(field, unescaped(name), value.join('='));
    return found === null ? [] : [{ field, message: `${name} in its query ${found.message}` }];
  });
}

/** Every credential that is written out somewhere in a value, such as an action or a broker, with its path. */
export function credentialsIn(field: string, value: unknown): FieldFault[] {
  if (typeof value === 'string') return value.includes('://') ? urlCredentialFaults(field, value) : [];
  if (Array.isArray(value)) return value.flatMap((item, index) => credentialsIn(`${field}[${index}]`, item));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => [
    ...credentialsIn(`${field}.${name}`, item),
    // Elsewhere a field such as `secret` has the name of one.
    ...(NAMED_MAPS.has(name) ? credentialFaults(`${field}.${name}`, item as Record<string, unknown>) : []),
  ]);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const hasSecret = (text: string): boolean =>
  parseTemplate(text).some((part) => typeof part !== 'string' && part.kind === 'secret');
