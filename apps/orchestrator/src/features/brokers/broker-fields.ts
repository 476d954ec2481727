import type { BrokerConnection, FieldFault, LastWill, Transport } from '@cortex-mqtt/contracts';
import { nativeSettingFaults, proxyUrlFault, validatePublishTopic } from '@cortex-mqtt/mqtt';
import type { BrokerColumns } from '../../model/broker-columns';
import {
  BROKER_FIELD_NAMES,
  BROKER_SECRET_NAMES,
  type BrokerSecretName,
  columnOf,
  type LastWillDto,
  storedValue,
} from '../../model/broker-field-table';
import type { BrokerDto } from './broker-settings.dto';

/** What a change is held against; null = nothing is stored yet. */
export type StoredBroker = BrokerColumns | null;

/** Every constraint of a broker section that spans more than one field. Paths begin with `prefix`, such as `broker.`. */
export function brokerFaults(dto: BrokerDto, stored: StoredBroker, prefix: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const add = (field: string, message: string) => faults.push({ field: `${prefix}${field}`, message });
  if (dto.transport !== undefined && dto.use_tls !== undefined && isEncrypted(dto.transport) !== dto.use_tls) {
    add('use_tls', `contradicts transport ${dto.transport}`);
  }
  if (stored?.password != null && dto.password === undefined) {
    const way = otherWay(dto, stored);
    if (way !== null) add('password', `must be given again, or null: the stored password is never sent ${way}`);
  }
  if (stored?.proxy_password != null && dto.proxy_password === undefined) {
    if (dto.proxy_url && dto.proxy_url !== stored.proxy_url)
      add('proxy_password', 'must be given again, or null: the stored password is never sent to another proxy');
  }
  const proxy_url = (dto.proxy_url === undefined ? stored?.proxy_url : dto.proxy_url) || null;
  const transport = transportAfter(dto, stored?.transport ?? 'tcp');
  if (proxy_url !== null && transport !== 'ws' && transport !== 'wss') {
    add(
      dto.proxy_url === undefined ? 'transport' : 'proxy_url',
      `contradicts ${dto.proxy_url === undefined ? 'proxy_url' : 'the transport'}: only websockets (ws, wss) go through an HTTP proxy`,
    );
  }
  const proxy_fault = dto.proxy_url ? proxyUrlFault(dto.proxy_url) : null;
  if (proxy_fault !== null) add('proxy_url', proxy_fault);
  if (dto.last_will) {
    const fault = validatePublishTopic(dto.last_will.topic);
    if (fault !== null) add('last_will.topic', fault);
  }
  for (const [name, value] of Object.entries(dto.user_properties ?? {})) {
    if (typeof value !== 'string' || value.length > 10_000)
      add(`user_properties.${name}`, 'must be a text of at most 10000 characters');
  }
  if (Object.keys(dto.user_properties ?? {}).length > 50) add('user_properties', 'may be at most 50');
  for (const field of ['username', 'password', 'client_id'] as const) {
    if (dto[field]?.includes('\0')) add(field, 'must not contain the null character');
  }
  return faults;
}

/**
 * How a change would lead the stored password elsewhere than where it goes now, to someone in between included; null when it
 * does not. Who may change settings may not read the password, so must not be able to have it sent to them.
 */
function otherWay(dto: BrokerDto, stored: BrokerColumns): string | null {
  if (dto.host !== undefined && !isHost(dto.host, stored.broker_host)) return 'to another host';
  if (dto.port !== undefined && dto.port !== stored.broker_port) return 'to another port';
  if (dto.proxy_url && dto.proxy_url !== stored.proxy_url) return 'through another proxy';
  if (!isEncrypted(stored.transport)) return null;
  if (!isEncrypted(transportAfter(dto, stored.transport))) return 'unencrypted when it was stored for TLS';
  if (!stored.verify_cert) return null;
  if (dto.verify_cert === false) return 'to a broker whose certificate is not verified';
  if (dto.ca_cert !== undefined && dto.ca_cert?.trim() !== stored.ca_cert?.trim())
    return 'to a broker that another CA vouches for';
  if (dto.server_name !== undefined && dto.server_name !== stored.server_name)
    return 'to a broker with another server name';
  return null;
}

/** Fields that native code reads, and that have to fit each other. */
const NATIVE_FIELDS = [
  ...(['host', 'port', 'server_name', 'alpn_protocols', 'ca_cert', 'client_cert'] as const),
  ...(['client_key', 'client_key_passphrase'] as const),
];

/** Certificates, keys and names that a connection could not be made with. `broker`: as it would be after the change. */
export function unusableFaults(dto: BrokerDto, broker: () => BrokerConnection, prefix: string): FieldFault[] {
  // A stored fault is reported by status; it does not keep other fields from being changed.
  if (NATIVE_FIELDS.every((name) => dto[name] === undefined)) return [];
  const after = broker();
  const faults = nativeSettingFaults(after);
  if (after.client_cert !== null && after.client_key === null)
    faults.push({ field: 'client_key', message: 'is needed: a client certificate proves nothing without its key' });
  if (after.client_key !== null && after.client_cert === null)
    faults.push({ field: 'client_cert', message: 'is needed: a client key is of no use without its certificate' });
  return faults.map(({ field, message }) => ({ field: `${prefix}${field}`, message }));
}

function isHost(given: string, stored: string | null): boolean {
  return stored !== null && normalHost(given).toLowerCase() === stored.toLowerCase();
}

const isEncrypted = (transport: Transport): boolean => transport === 'tls' || transport === 'wss';

/** The transport after a change: `use_tls` alone switches encryption, `transport` alone says all. */
export function transportAfter(dto: BrokerDto, stored: Transport): Transport {
  const transport = dto.transport ?? stored;
  if (dto.use_tls === undefined) return transport;
  const websocket = transport === 'ws' || transport === 'wss';
  if (dto.use_tls) return websocket ? 'wss' : 'tls';
  return websocket ? 'ws' : 'tcp';
}

export function completeLastWill(dto: LastWillDto | null): LastWill | null {
  if (dto === null) return null;
  return {
    topic: dto.topic,
    payload: dto.payload,
    qos: dto.qos ?? 0,
    retain: dto.retain ?? false,
    delay_s: dto.delay_s ?? 0,
  };
}

/** Hosts are stored without brackets and trailing dot, so that comparison and SNI see one form. */
export function normalHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** Writes the fields that are given into the row, secrets sealed. */
export function applyBroker(
  broker: BrokerColumns,
  dto: BrokerDto,
  seal: (plain: string, column: BrokerSecretName) => string,
): void {
  const { transport: stored } = broker;
  const values = broker as unknown as Record<string, unknown>;
  if (dto.host !== undefined) broker.broker_host = normalHost(dto.host);
  for (const name of BROKER_FIELD_NAMES)
    if (dto[name] !== undefined) values[columnOf(name)] = storedValue(name, dto[name]);
  for (const name of BROKER_SECRET_NAMES) {
    const plain = dto[name];
    if (plain !== undefined) broker[name] = plain === null || plain === '' ? null : seal(plain, name);
  }
  broker.transport = transportAfter(dto, stored);
  broker.use_tls = isEncrypted(broker.transport);
  if (dto.last_will !== undefined) broker.last_will = completeLastWill(dto.last_will);
  // Without a proxy they are of no use, and must not come back with another one.
  if (broker.proxy_url === null) {
    broker.proxy_username = null;
    broker.proxy_password = null;
  }
  if (broker.client_key === null) broker.client_key_passphrase = null;
  // A secret that somebody takes away is not one that still waits for its value.
  broker.secret_names = Object.fromEntries(
    Object.entries(broker.secret_names ?? {}).filter(([name]) => dto[name as BrokerSecretName] !== null),
  );
}

/** What `stored` would be if `dto` was saved, secrets open; the host is the caller's. */
export function mergedBroker(stored: BrokerConnection, dto: BrokerDto): BrokerConnection {
  const given = Object.fromEntries(
    BROKER_FIELD_NAMES.filter((name) => name !== 'use_tls' && dto[name] !== undefined).map((name) => [
      name,
      storedValue(name, dto[name]),
    ]),
  );
  const secrets = Object.fromEntries(
    BROKER_SECRET_NAMES.filter((name) => dto[name] !== undefined).map((name) => [name, dto[name] || null]),
  );
  return {
    ...stored,
    ...given,
    ...secrets,
    transport: transportAfter(dto, stored.transport),
    last_will: dto.last_will === undefined ? stored.last_will : completeLastWill(dto.last_will),
  };
}
