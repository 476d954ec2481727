import type { BrokerColumns } from '../../model/broker-columns';

type Addressed = Pick<BrokerColumns, 'broker_host' | 'client_id'> & { broker_port: number; name: string };

/**
 * Why a listener could not be subscribed on all of these brokers at once: two have one address and one client id, so that each
 * connection would end the other (MQTT 5, 3.1.4-3). null when it can.
 */
export function oneSessionTwice(brokers: readonly Addressed[]): string | null {
  const seen = new Map<string, string>();
  for (const { name, broker_host, broker_port, client_id } of brokers) {
    const session = JSON.stringify([broker_host?.toLowerCase(), broker_port, client_id]);
    const other = seen.get(session);
    if (other !== undefined) {
      return `"${other}" and "${name}" have one host, port and client id: subscribed on both at once, each would end the other's connection`;
    }
    seen.set(session, name);
  }
  return null;
}
