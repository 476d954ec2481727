import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { BrokerConnection, FieldFault } from '@cortex-mqtt/contracts';

/** What is given for TLS, wherever it leads to: PEM texts, and the pass phrase of the key. */
export interface TlsMaterial {
  ca_cert: string | null;
  client_cert: string | null;
  client_key: string | null;
  /** Absent in documents from before it existed. */
  client_key_passphrase?: string | null;
}

/** The settings of a broker that reach native code. */
export type NativeSettings = TlsMaterial &
  Pick<BrokerConnection, 'host' | 'port' | 'server_name' | 'alpn_protocols' | 'proxy_url'>;

/** RFC 7301, 3.1: a name has 1 to 255 bytes, the list 65,535. */
const LONGEST_ALPN_NAME_BYTES = 255;
const LONGEST_ALPN_LIST_BYTES = 65_535;
/** DNS names, and SNI with them, are no longer (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255;

/**
 * Every setting of a broker that native code would refuse, by an exception or by ending the process: an empty ALPN name is an
 * assertion in Node. Checked when settings are saved, and again before each connection, since rows can be older than a check.
 */
export function nativeSettingFaults(broker: NativeSettings): FieldFault[] {
  return [...addressFaults(broker), ...alpnFaults(broker.alpn_protocols), ...tlsMaterialFaults(broker)];
}

/** An endpoint that can be connected to at all. */
function addressFaults({ host, port, server_name }: NativeSettings): FieldFault[] {
  const faults: FieldFault[] = [];
  if (!isName(host)) faults.push({ field: 'host', message: 'must be a host name or IP address' });
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    faults.push({ field: 'port', message: 'must be a number from 1 to 65535' });
  if (server_name !== null && !isName(server_name))
    faults.push({ field: 'server_name', message: 'must be a host name of at most 255 ASCII characters' });
  return faults;
}

const isName = (text: unknown): boolean =>
  typeof text === 'string' && text.length <= LONGEST_NAME && /^[\x21-\x7e]+$/.test(text);

/** ALPN names as OpenSSL takes them. `field` is the list's. */
export function alpnFaults(names: unknown, field = 'alpn_protocols'): FieldFault[] {
  if (!Array.isArray(names)) return [{ field, message: 'must be a list of names' }];
  const faults = names.flatMap((name: unknown, index): FieldFault[] => {
    const bytes = typeof name === 'string' ? Buffer.byteLength(name) : 0;
    const is_fine = bytes >= 1 && bytes <= LONGEST_ALPN_NAME_BYTES;
    return is_fine
      ? []
      : [{ field: `${field}[${index}]`, message: `must have 1 to ${LONGEST_ALPN_NAME_BYTES} bytes (RFC 7301, 3.1)` }];
  });
  const list_bytes = names.reduce((sum: number, name) => sum + 1 + Buffer.byteLength(String(name)), 0);
  if (list_bytes > LONGEST_ALPN_LIST_BYTES) faults.push({ field, message: 'is too long (RFC 7301, 3.1)' });
  return faults;
}

/** Certificates, key and pass phrase, each parsed, and whether key and certificate belong together. */
export function tlsMaterialFaults(material: TlsMaterial): FieldFault[] {
  const ca = readCertificates('ca_cert', material.ca_cert);
  const own = readCertificates('client_cert', material.client_cert);
  const key = readKey(material);
  const faults = [...ca.faults, ...own.faults, ...key.faults];
  if (faults.length > 0) return faults;
  const [leaf] = own.certificates;
  if (leaf && key.key && !leaf.checkPrivateKey(key.key))
    return [{ field: 'client_key', message: 'does not belong to the client certificate' }];
  return contextFaults(material);
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
const isPrivateKey = (label: string): boolean => label.endsWith('PRIVATE KEY');

const blocksOf = (pem: string): { label: string; text: string }[] =>
  [...pem.matchAll(PEM_BLOCK)].map(([text, label]) => ({ label: label ?? '', text }));

function readCertificates(
  field: 'ca_cert' | 'client_cert',
  pem: string | null,
): { certificates: X509Certificate[]; faults: FieldFault[] } {
  if (pem === null) return { certificates: [], faults: [] };
  const fault = (message: string) => ({ certificates: [], faults: [{ field, message }] });
  const blocks = blocksOf(pem);
  if (blocks.some(({ label }) => isPrivateKey(label)) || /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem)) {
    const advice = field === 'client_cert' ? 'enter it as client_key' : 'a CA certificate needs none';
    return fault(`holds a private key, and takes certificates only: ${advice}`);
  }
  const foreign = blocks.find(({ label }) => !CERTIFICATE_LABELS.has(label));
  if (foreign) return fault(`holds a block "${foreign.label}", and takes certificates only`);
  if (blocks.length === 0) return fault('holds no certificate (-----BEGIN CERTIFICATE-----)');
  const certificates: X509Certificate[] = [];
  for (const [index, { text }] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(text));
    } catch (error) {
      const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1} of ${blocks.length}`;
      return fault(`cannot be read: ${which} is damaged (${openSslReason(error)})`);
    }
  }
  return { certificates, faults: [] };
}

function readKey({ client_key, client_key_passphrase }: TlsMaterial): { key: KeyObject | null; faults: FieldFault[] } {
  if (client_key === null) return { key: null, faults: [] };
  const fault = (field: string, message: string) => ({ key: null, faults: [{ field, message }] });
  const blocks = blocksOf(client_key);
  const keys = blocks.filter(({ label }) => isPrivateKey(label));
  if (keys.length === 0) return fault('client_key', 'holds no private key (-----BEGIN PRIVATE KEY-----)');
  if (keys.length > 1) return fault('client_key', 'holds more than one private key');
  if (blocks.some(({ label }) => CERTIFICATE_LABELS.has(label)))
    return fault('client_key', 'holds a certificate too: enter that as client_cert');
  const is_encrypted = /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: *4, *ENCRYPTED/.test(client_key);
  if (is_encrypted && client_key_passphrase == null)
    return fault('client_key_passphrase', 'is needed: the client key is encrypted');
  try {
    const passphrase = is_encrypted ? (client_key_passphrase ?? undefined) : undefined;
    return { key: createPrivateKey({ key: client_key, format: 'pem', passphrase }), faults: [] };
  } catch (error) {
    if (is_encrypted) return fault('client_key_passphrase', 'does not open the client key');
    return fault(
      'client_key',
      `cannot be read: it is damaged, or of a kind that is not supported (${openSslReason(error)})`,
    );
  }
}

/** What only OpenSSL knows: keys that are too small, algorithms that are too weak. */
function contextFaults({ ca_cert, client_cert, client_key, client_key_passphrase }: TlsMaterial): FieldFault[] {
  const of = (field: string, options: Parameters<typeof createSecureContext>[0]): FieldFault[] => {
    try {
      createSecureContext(options);
      return [];
    } catch (error) {
      return [{ field, message: `cannot be used for TLS (${openSslReason(error)})` }];
    }
  };
  const key = client_key === null ? {} : { key: client_key, passphrase: client_key_passphrase ?? undefined };
  return [
    ...(ca_cert === null ? [] : of('ca_cert', { ca: ca_cert })),
    ...(client_cert === null ? [] : of('client_cert', { cert: client_cert, ...key })),
    ...(client_cert === null && client_key !== null ? of('client_key', key) : []),
  ];
}

/** `error:0480006C:PEM routines::no start line` → `no start line`. */
function openSslReason(error: unknown): string {
  const message =
    error instanceof Error ? error.message : String((error as { message?: unknown } | null)?.message ?? error);
  return message.split(':').at(-1)?.trim() ?? message;
}
