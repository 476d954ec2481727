import type { BrokerConnection, LeftSessionReason } from '@cortex-mqtt/contracts';
import { deriveProductClientId, takesTurns } from '@cortex-mqtt/mqtt';

/** The part of a configuration that says which sessions listeners use. */
export interface SessionSettings {
  product_id: number;
  session_key: string;
  brokers: BrokerConnection[];
  shared_group: string | null;
}

type At = { host: string; port: number; client_id: string };

/** Whether some listener of the product would connect to that address under that client id. */
export function isInUse(settings: SessionSettings, { host, port, client_id }: At): boolean {
  return settings.brokers.some(
    (broker) => broker.host === host && broker.port === port && isClientIdOf(settings, broker, client_id),
  );
}

function isClientIdOf(settings: SessionSettings, broker: BrokerConnection, client_id: string): boolean {
  const { product_id, session_key } = settings;
  if (broker.client_id !== null) return broker.client_id === client_id;
  if (takesTurns(settings)) return deriveProductClientId({ product_id, session_key }) === client_id;
  // Members of a group have ids of their own, by instance: see `deriveClientId`.
  return new RegExp(`^cmqp${product_id}[ih]`).test(client_id);
}

/** What of a change left the session. `after`: null = the product is deleted. */
export function reasonOf(before: SessionSettings, after: SessionSettings | null, at: At): LeftSessionReason {
  if (after === null) return 'product_deleted';
  if (!after.brokers.some(({ host, port }) => host === at.host && port === at.port)) return 'broker_changed';
  return takesTurns(before) === takesTurns(after) ? 'client_id_changed' : 'sharing_changed';
}
