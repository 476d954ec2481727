import type { BrokerConnection } from '@cortex-mqtt/contracts';
import type { SecretBox, SecretPlace } from '../secrets/secret-box';
import type { BrokerColumns } from '../../model/broker-columns';
import { BROKER_SECRET_NAMES, type BrokerSecretName } from '../../model/broker-field-table';
import { brokerSettings } from './broker.presenter';

/** Name of the broker in `mqtt_configs`; no further broker may have it. */
export const PRIMARY_BROKER = 'primary';

export const primarySecretPlace = (product_id: number, column: BrokerSecretName): SecretPlace => ({
  product_id,
  table: 'mqtt_configs',
  column,
});

/** The broker's id is part of the place: a password can't be moved to another broker of the same product. */
export const furtherSecretPlace = (
  broker: { id: number; product_id: number },
  column: BrokerSecretName,
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
  }: { name: string; host: string; secretBox: SecretBox; placeOf(column: BrokerSecretName): SecretPlace },
): BrokerConnection {
  const open = (column: BrokerSecretName): string | null => {
    const envelope = broker[column];
    return envelope === null ? null : secretBox.open(envelope, placeOf(column));
  };
  const secrets = Object.fromEntries(BROKER_SECRET_NAMES.map((column) => [column, open(column)]));
  const { use_tls, ...settings } = brokerSettings(broker);
  return { name, host, ...settings, ...(secrets as Record<BrokerSecretName, string | null>) };
}
