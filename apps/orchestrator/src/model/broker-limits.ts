import type { BrokerLimits } from '@cortex-mqtt/actions';
import type { EntityManager } from 'typeorm';
import { ConnectionStatusEntity } from './connection-status.entity';

/**
 * What the product's broker takes, as it said in the CONNACK of the connection that a listener reports; null while none is
 * connected: the configuration may name another broker by now.
 */
export async function reportedBrokerLimits(manager: EntityManager, product_id: number): Promise<BrokerLimits | null> {
  const status = await manager.findOneBy(ConnectionStatusEntity, { product_id });
  if (!status?.connected) return null;
  const { protocol_version, maximum_packet_size, maximum_qos, retain_available } = status.broker_info;
  return {
    protocol_version: protocol_version === '3.1.1' ? 4 : 5,
    limits: {
      maximum_packet_size: typeof maximum_packet_size === 'number' ? maximum_packet_size : null,
      maximum_qos: maximum_qos === 0 || maximum_qos === 1 ? maximum_qos : null,
      retain_available: typeof retain_available === 'boolean' ? retain_available : null,
    },
  };
}
