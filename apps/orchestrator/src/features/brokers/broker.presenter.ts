import type { BrokerColumns } from '../../model/broker-columns';
import {
  BROKER_FIELD_NAMES,
  BROKER_SECRET_NAMES,
  type BrokerSecretFlags,
  type BrokerSettings,
  columnOf,
} from '../../model/broker-field-table';
import type { BrokerView } from './broker.view';

/** Never a secret: only whether there is one. */
export function presentBroker(broker: BrokerColumns): BrokerView {
  return { host: broker.broker_host, ...brokerSettings(broker), ...secretFlags(broker) };
}

/** The settings of a row under the names of the API. */
export function brokerSettings(broker: BrokerColumns): BrokerSettings {
  return Object.fromEntries(BROKER_FIELD_NAMES.map((name) => [name, broker[columnOf(name)]])) as BrokerSettings;
}

function secretFlags(broker: BrokerColumns): BrokerSecretFlags {
  return Object.fromEntries(
    BROKER_SECRET_NAMES.map((name) => [`${name}_set`, broker[name] !== null]),
  ) as BrokerSecretFlags;
}
