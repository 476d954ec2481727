import type { FieldFault } from '@cortex-mqtt/contracts';
import {
  checkExpression,
  checkTemplate,
  ExpressionError,
  parseTemplate,
  type SourcePosition,
} from '@cortex-mqtt/expressions';
import type { CheckContext } from './action-type';
import { type TlsFields, tlsFieldFaults } from './tls-identity';

/** Faults of an expression field; null and absent are fine. */
export function expressionFaults(field: string, source: string | null | undefined): FieldFault[] {
  if (source === null || source === undefined) return [];
  const check = checkExpression(source);
  return check.ok ? [] : [{ field, message: `${check.fault.message}${at(check.fault.position)}` }];
}

/** Faults of a template field, secrets that don't exist among them. */
export function templateFaults(field: string, text: string | null | undefined, context: CheckContext): FieldFault[] {
  if (text === null || text === undefined) return [];
  const check = checkTemplate(text);
  if (!check.ok) return [{ field, message: `${check.fault.message}${at(check.fault.position)}` }];
  return check.secretNames.flatMap((name) => secretFaults(field, name, context));
}

/** Faults of a map of templates, such as headers: `fault` tells what is wrong with a name, or null. */
export function templateMapFaults(
  field: string,
  map: Record<string, unknown> | undefined,
  context: CheckContext,
  nameFault: (name: string) => string | null,
): FieldFault[] {
  return Object.entries(map ?? {}).flatMap(([name, value]) => {
    const path = `${field}.${name}`;
    const wrongName = nameFault(name);
    if (wrongName !== null) return [{ field: path, message: wrongName }];
    if (typeof value !== 'string') return [{ field: path, message: 'must be a string' }];
    if (value.length > 8_000) return [{ field: path, message: 'must have at most 8000 characters' }];
    return templateFaults(path, value, context);
  });
}

/** The fault of naming a secret that the product doesn't have. */
export function secretFaults(field: string, name: string | null | undefined, context: CheckContext): FieldFault[] {
  if (name === null || name === undefined || context.secretNames === null || context.secretNames.has(name)) return [];
  return [{ field, message: `the product has no secret "${name}"` }];
}

/** Faults of TLS fields: what is written out, secrets that don't exist, halves of a pair. */
export function tlsFaults(fields: TlsFields, context: CheckContext): FieldFault[] {
  const { client_cert_secret, client_key_secret, client_key_passphrase_secret } = fields;
  const faults = [
    ...secretFaults('client_cert_secret', client_cert_secret, context),
    ...secretFaults('client_key_secret', client_key_secret, context),
    ...secretFaults('client_key_passphrase_secret', client_key_passphrase_secret, context),
  ];
  if (Boolean(client_cert_secret) !== Boolean(client_key_secret)) {
    const missing = client_cert_secret ? 'client_key_secret' : 'client_cert_secret';
    faults.push({ field: missing, message: 'a client certificate needs both its certificate and its key' });
  }
  if (client_key_passphrase_secret && !client_key_secret)
    faults.push({ field: 'client_key_passphrase_secret', message: 'opens no key: client_key_secret is missing' });
  return faults.length > 0 ? faults : tlsFieldFaults(fields, (name) => context.secretValue?.(name) ?? null);
}

/** What of a template is written out; null for one that can't be read, whose own fault is told elsewhere. */
export function literalOf(text: string): string | null {
  try {
    return parseTemplate(text)
      .filter((part) => typeof part === 'string')
      .join('');
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

function at(position: SourcePosition | null): string {
  return position === null ? '' : ` (line ${position.line}, column ${position.column})`;
}
