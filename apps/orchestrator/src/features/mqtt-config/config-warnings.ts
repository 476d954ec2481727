import type { EntityManager } from 'typeorm';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ConfigWarningView } from './mqtt-config.view';

/** What a change costs that the answer should not keep to itself. */
export function changeWarnings(
  before: Pick<MqttConfigEntity, 'clean_session'>,
  after: Pick<MqttConfigEntity, 'clean_session'>,
): ConfigWarningView[] {
  if (before.clean_session || !after.clean_session) return [];
  return [
    {
      code: 'CLEAN_SESSION_LOSES_MESSAGES',
      message:
        'With clean_session the broker forgets the session at the next connection: what waits in it now is lost, and from then on every message that comes while the listener is not connected.',
    },
  ];
}

/**
 * Client ids that another product of this installation uses on the same broker: each connection would end the other's
 * (MQTT 5, 3.1.4-3). Which product that is, is not said: it may not be for the reader's eyes.
 */
export async function clientIdWarnings(manager: EntityManager, product_id: number): Promise<ConfigWarningView[]> {
  const shared = await manager.query<{ client_id: string; broker_host: string; broker_port: number }[]>(
    `WITH brokers AS (
       SELECT product_id, lower(broker_host) AS broker_host, broker_port, client_id FROM mqtt_configs
       UNION ALL SELECT product_id, lower(broker_host), broker_port, client_id FROM mqtt_brokers
     )
     SELECT DISTINCT own.client_id, own.broker_host, own.broker_port FROM brokers own
       JOIN brokers other USING (broker_host, broker_port, client_id)
       JOIN products p ON p.id = other.product_id AND p.enabled
     WHERE own.product_id = $1 AND other.product_id <> $1 AND own.client_id IS NOT NULL ORDER BY 1 LIMIT 10`,
    [product_id],
  );
  return shared.map(({ client_id, broker_host, broker_port }) => ({
    code: 'CLIENT_ID_IN_USE',
    message: `Another product connects to ${broker_host}:${broker_port} with the client id "${client_id}" too: each of the two ends the other's connection. Leave the client id empty, or give each its own.`,
  }));
}
