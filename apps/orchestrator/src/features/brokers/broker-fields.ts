import type { FieldFault, LastWill, Transport } from '@cortex-mqtt/contracts';
import { proxyUrlFault, validatePublishTopic } from '@cortex-mqtt/mqtt';
import type { BrokerColumns } from '../../model/broker-columns';
import type { BrokerSecretColumn } from './broker-secrets';
import type { BrokerDto, LastWillDto } from './broker-settings.dto';

/** What a change is held against; null = nothing is stored yet. */
export type StoredBroker = Pick<
  BrokerColumns,
  'broker_host' | 'password' | 'transport' | 'proxy_url' | 'proxy_password'
> | null;

/** Every constraint of a broker section that spans more than one field. Paths begin with `prefix`, such as `broker.`. */
export function brokerFaults(dto: BrokerDto, stored: StoredBroker, prefix: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const add = (field: string, message: string) => faults.push({ field: `${prefix}${field}`, message });
  if (dto.transport !== undefined && dto.use_tls !== undefined && isEncrypted(dto.transport) !== dto.use_tls) {
    add('use_tls', `contradicts transport ${dto.transport}`);
  }
  if (stored?.password != null && dto.password === undefined) {
    const way =
      dto.host !== undefined && !isHost(dto.host, stored.broker_host)
        ? 'to another host'
        : dto.proxy_url && dto.proxy_url !== stored.proxy_url
          ? 'through another proxy'
          : null;
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
  seal: (plain: string, column: BrokerSecretColumn) => string,
): void {
  const sealed = (plain: string | null, column: BrokerSecretColumn): string | null =>
    plain === null || plain === '' ? null : seal(plain, column);
  broker.transport = transportAfter(dto, broker.transport);
  broker.use_tls = isEncrypted(broker.transport);
  if (dto.host !== undefined) broker.broker_host = normalHost(dto.host);
  if (dto.port !== undefined) broker.broker_port = dto.port;
  if (dto.path !== undefined) broker.path = dto.path;
  if (dto.proxy_url !== undefined) broker.proxy_url = dto.proxy_url || null;
  if (dto.proxy_username !== undefined) broker.proxy_username = dto.proxy_username || null;
  if (dto.proxy_password !== undefined) broker.proxy_password = sealed(dto.proxy_password, 'proxy_password');
  // Without a proxy they are of no use, and must not come back with another one.
  if (broker.proxy_url === null) {
    broker.proxy_username = null;
    broker.proxy_password = null;
  }
  if (dto.verify_cert !== undefined) broker.verify_cert = dto.verify_cert;
  if (dto.username !== undefined) broker.username = dto.username || null;
  if (dto.password !== undefined) broker.password = sealed(dto.password, 'password');
  if (dto.client_id !== undefined) broker.client_id = dto.client_id;
  if (dto.keep_alive !== undefined) broker.keep_alive = dto.keep_alive;
  if (dto.clean_session !== undefined) broker.clean_session = dto.clean_session;
  if (dto.protocol_version !== undefined) broker.protocol_version = dto.protocol_version;
  if (dto.session_expiry_s !== undefined) broker.session_expiry_s = dto.session_expiry_s;
  if (dto.connect_timeout_s !== undefined) broker.connect_timeout_s = dto.connect_timeout_s;
  if (dto.server_name !== undefined) broker.server_name = dto.server_name;
  if (dto.alpn_protocols !== undefined) broker.alpn_protocols = dto.alpn_protocols;
  if (dto.ca_cert !== undefined) broker.ca_cert = dto.ca_cert;
  if (dto.client_cert !== undefined) broker.client_cert = dto.client_cert;
  if (dto.client_key !== undefined) broker.client_key = sealed(dto.client_key, 'client_key');
  if (dto.receive_maximum !== undefined) broker.receive_maximum = dto.receive_maximum;
  if (dto.user_properties !== undefined) broker.user_properties = dto.user_properties;
  if (dto.last_will !== undefined) broker.last_will = completeLastWill(dto.last_will);
}
