import type { ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import type { IConnackPacket } from 'mqtt-packet';

/** What a broker said in its CONNACK, with the defaults of MQTT 5, 3.2.2.3 where it said nothing. */
export interface ConnackDetail {
  /** `5.0` or `3.1.1`. */
  protocol_version: string;
  session_present: boolean;
  /** null: the broker took the client's. */
  assigned_client_id: string | null;
  /** Seconds the broker wants instead of the client's; null = the client's. */
  server_keep_alive_s: number | null;
  /** Seconds the broker keeps the session instead of what was asked; null = as asked. */
  session_expiry_s: number | null;
  /** null in MQTT 3.1.1, where only a SUBACK shows it. */
  maximum_qos: QoS | null;
  retain_available: boolean;
  wildcard_subscriptions_available: boolean;
  /** null in MQTT 3.1.1: it has no word for it. */
  shared_subscriptions_available: boolean | null;
  subscription_identifiers_available: boolean;
  /** QoS 1 and 2 messages the broker takes at once; null in 3.1.1. */
  receive_maximum: number | null;
  topic_alias_maximum: number;
  /** Bytes; null = no limit told. */
  maximum_packet_size: number | null;
  reason_string: string | null;
  server_reference: string | null;
  user_properties: Record<string, string | string[]>;
}

export const protocolName = (version: ProtocolVersion): string => (version === 5 ? '5.0' : '3.1.1');

export function describeConnack(packet: IConnackPacket, version: ProtocolVersion): ConnackDetail {
  const properties = packet.properties ?? {};
  const isFive = version === 5;
  const maximumQoS = properties.maximumQoS;
  return {
    protocol_version: protocolName(version),
    session_present: packet.sessionPresent,
    assigned_client_id: properties.assignedClientIdentifier ?? null,
    server_keep_alive_s: properties.serverKeepAlive ?? null,
    session_expiry_s: properties.sessionExpiryInterval ?? null,
    maximum_qos: isFive ? (maximumQoS === 0 || maximumQoS === 1 ? maximumQoS : 2) : null,
    retain_available: properties.retainAvailable ?? true,
    wildcard_subscriptions_available: properties.wildcardSubscriptionAvailable ?? true,
    shared_subscriptions_available: isFive ? (properties.sharedSubscriptionAvailable ?? true) : null,
    subscription_identifiers_available: isFive && (properties.subscriptionIdentifiersAvailable ?? true),
    receive_maximum: isFive ? (properties.receiveMaximum ?? 65_535) : null,
    topic_alias_maximum: properties.topicAliasMaximum ?? 0,
    maximum_packet_size: properties.maximumPacketSize ?? null,
    reason_string: properties.reasonString ?? null,
    server_reference: properties.serverReference ?? null,
    user_properties: { ...properties.userProperties },
  };
}
