import type { BrokerConnection } from '@cortex-mqtt/contracts';
import type { SecretBox, SecretPlace } from '../secrets/secret-box';
import type { BrokerColumns } from '../../model/broker-columns';

/** Name of the broker in `mqtt_configs`; no further broker may have it. */
export const PRIMARY_BROKER = 'primary';
/** Columns of a broker that hold envelopes. */
export const BROKER_SECRET_COLUMNS = ['password', 'proxy_password', 'client_key'] as const;
export type BrokerSecretColumn = (typeof BROKER_SECRET_COLUMNS)[number];

export const primarySecretPlace = (product_id: number, column: BrokerSecretColumn): SecretPlace => ({
  product_id,
  table: 'mqtt_configs',
  column,
});

/** The broker's id is part of the place: a password can't be moved to another broker of the same product. */
export const furtherSecretPlace = (
  broker: { id: number; product_id: number },
  column: BrokerSecretColumn,
): SecretPlace => ({
  product_id: broker.product_id,
  table: 'mqtt_brokers',
  column: `${column}:${broker.id}`,
});

export function openPrimaryBroker(config: BrokerColumns, host: string, secretBox: SecretBox): BrokerConnection {
  return openBroker(config, {
    name: PRIMARY_BROKER,
    host,
    secretBox,
    placeOf: (column) => primarySecretPlace(config.product_id, column),
  });
}

export function openFurtherBroker(
  broker: BrokerColumns & { id: number; name: string; broker_host: string },
  secretBox: SecretBox,
): BrokerConnection {
  return openBroker(broker, {
    name: broker.name,
    host: broker.broker_host,
    secretBox,
    placeOf: (column) => furtherSecretPlace(broker, column),
  });
}

/** A stored broker as a listener connects to it, secrets open. */
function openBroker(
  broker: BrokerColumns,
  {
    name,
    host,
    secretBox,
    placeOf,
  }: { name: string; host: string; secretBox: SecretBox; placeOf(column: BrokerSecretColumn): SecretPlace },
): BrokerConnection {
  const open = (column: BrokerSecretColumn): string | null => {
    const envelope = broker[column];
    return envelope === null ? null : secretBox.open(envelope, placeOf(column));
  };
  return {
    name,
    host,
    port: broker.broker_port,
    transport: broker.transport,
    path: broker.path,
    proxy_url: broker.proxy_url,
    proxy_username: broker.proxy_username,
    proxy_password: open('proxy_password'),
    verify_cert: broker.verify_cert,
    username: broker.username,
    password: open('password'),
    client_id: broker.client_id,
    keep_alive: broker.keep_alive,
    clean_session: broker.clean_session,
    protocol_version: broker.protocol_version,
    session_expiry_s: broker.session_expiry_s,
    connect_timeout_s: broker.connect_timeout_s,
    server_name: broker.server_name,
    alpn_protocols: broker.alpn_protocols,
    ca_cert: broker.ca_cert,
    client_cert: broker.client_cert,
    client_key: open('client_key'),
    receive_maximum: broker.receive_maximum,
    user_properties: broker.user_properties,
    last_will: broker.last_will,
  };
}
