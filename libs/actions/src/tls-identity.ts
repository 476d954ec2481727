import { tlsMaterialFaults } from '@cortex-mqtt/mqtt';
import { ActionFault } from './action-fault';
import { REDACTED, type TemplateScope } from '@cortex-mqtt/expressions';

/** Certificates of a connection, PEM. Requests that differ in them never share a connection. */
export interface TlsIdentity {
  ca: string | null;
  cert: string | null;
  key: string | null;
  passphrase: string | null;
}

/** Where secrets come from. */
type SecretScope = Pick<TemplateScope, 'secrets'>;

/** Fields of a definition that has TLS material. The secrets are named, the certificate of the authority is written out. */
export interface TlsFields {
  ca_cert?: string | null;
  client_cert_secret?: string | null;
  client_key_secret?: string | null;
  client_key_passphrase_secret?: string | null;
}

/** Which field of ours a fault of the material is about. */
const FIELDS: Readonly<Record<string, keyof TlsFields>> = {
  ca_cert: 'ca_cert',
  client_cert: 'client_cert_secret',
  client_key: 'client_key_secret',
  client_key_passphrase: 'client_key_passphrase_secret',
};

/** Faults of what is written out, and of the secrets where `secretValue` knows them (null = not known). */
export function tlsFieldFaults(
  fields: TlsFields,
  secretValue: (name: string) => string | null,
): { field: keyof TlsFields; message: string }[] {
  const known = (name: string | null | undefined) => (name ? secretValue(name) : null);
  const { ca_cert, client_cert_secret, client_key_secret, client_key_passphrase_secret } = fields;
  const unknown_passphrase = Boolean(client_key_passphrase_secret) && known(client_key_passphrase_secret) === null;
  const faults = tlsMaterialFaults({
    ca_cert: ca_cert || null,
    client_cert: known(client_cert_secret),
    client_key: unknown_passphrase ? null : known(client_key_secret),
    client_key_passphrase: known(client_key_passphrase_secret),
  });
  return faults.map(({ field, message }) => ({ field: FIELDS[field] ?? 'ca_cert', message }));
}

/** Makes the identity of a definition for each message. Material is checked once, and again only when a secret has changed. */
export function tlsIdentityOf(fields: TlsFields): (context: SecretScope) => TlsIdentity | null {
  const { ca_cert, client_cert_secret, client_key_secret, client_key_passphrase_secret } = fields;
  if (!ca_cert && !client_cert_secret && !client_key_secret) return () => null;
  let checked: TlsIdentity | null = null;
  return (context) => {
    const value = (name: string | null | undefined) => (name ? secretOf(name, context) : null);
    const identity: TlsIdentity = {
      ca: ca_cert || null,
      cert: value(client_cert_secret),
      key: value(client_key_secret),
      passphrase: value(client_key_passphrase_secret),
    };
    if (context.secrets === 'redact' || (checked !== null && isSame(checked, identity))) return identity;
    const [fault] = tlsFieldFaults(fields, (name) => secretOf(name, context));
    if (fault !== undefined) {
      throw new ActionFault(`${fault.field} ${fault.message}`, { permanent: true, detail: { code: 'TLS_MATERIAL' } });
    }
    checked = identity;
    return identity;
  };
}

function isSame(one: TlsIdentity, other: TlsIdentity): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key && one.passphrase === other.passphrase;
}

/** Value of a secret, dots in a dry run. Throws a permanent ActionFault for one that isn't there. */
export function secretOf(name: string, { secrets }: SecretScope): string {
  if (secrets === 'redact') return REDACTED;
  const value = secrets(name);
  if (value !== undefined) return value;
  throw new ActionFault(`there is no secret "${name}"`, { permanent: true, detail: { code: 'SECRET_MISSING' } });
}
