import type { ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import type { PublishRequest } from './publisher';

/** What a broker takes, as it says in CONNACK (MQTT 5, 3.2.2.3); null = it doesn't say, so there is no limit. */
export interface PublishLimits {
  maximum_packet_size: number | null;
  maximum_qos: QoS | null;
  retain_available: boolean | null;
}

/** What is known of a broker where nothing is sent: at save and in a dry run. */
export interface BrokerLimits {
  limits: PublishLimits;
  protocol_version: ProtocolVersion;
}

export const NO_LIMITS: PublishLimits = { maximum_packet_size: null, maximum_qos: null, retain_available: null };

/** The properties of a CONNACK, as mqtt.js has them. */
export function limitsOf(
  properties: { maximumPacketSize?: number; maximumQoS?: number; retainAvailable?: boolean } | undefined,
): PublishLimits {
  const qos = properties?.maximumQoS;
  return {
    maximum_packet_size: properties?.maximumPacketSize ?? null,
    maximum_qos: qos === 0 || qos === 1 ? qos : null,
    retain_available: properties?.retainAvailable ?? null,
  };
}

/**
 * Which limit a message goes beyond, in words; null when it may be sent. A client must not send it (3.2.2.3.4 to 3.2.2.3.6): the
 * broker would end the connection, and with it every publish that is on its way.
 */
export function limitFault(request: PublishRequest, limits: PublishLimits, version: ProtocolVersion): string | null {
  const qos = qosFault(request.qos, limits) ?? retainFault(request.retain, limits);
  if (qos !== null) return qos;
  const largest = Math.min(limits.maximum_packet_size ?? LARGEST_PACKET, LARGEST_PACKET);
  const bytes = packetBytes(request, version);
  return bytes <= largest
    ? null
    : `the message has ${bytes} bytes as a packet, and the broker takes ${largest} at most`;
}

export function qosFault(qos: QoS, { maximum_qos }: PublishLimits): string | null {
  return maximum_qos === null || qos <= maximum_qos ? null : `the broker takes QoS ${maximum_qos} at most, not ${qos}`;
}

export function retainFault(retain: boolean, { retain_available }: PublishLimits): string | null {
  return retain && retain_available === false ? 'the broker keeps no retained messages' : null;
}

/** Remaining length is at most 268,435,455 (MQTT 5, 1.5.5), behind 5 bytes of fixed header. */
const LARGEST_PACKET = 268_435_460;

/** Bytes of a PUBLISH on the wire (MQTT 5, 3.3). */
export function packetBytes(request: PublishRequest, version: 4 | 5): number {
  const { topic, payload, qos } = request;
  const properties = version === 5 ? propertyBytes(request) : 0;
  const rest =
    textBytes(topic) +
    (qos === 0 ? 0 : 2) +
    (version === 5 ? variableBytes(properties) + properties : 0) +
    payload.length;
  return 1 + variableBytes(rest) + rest;
}

function propertyBytes(request: PublishRequest): number {
  const { user_properties, content_type, message_expiry_s, correlation_data } = request;
  let bytes = content_type === null ? 0 : 1 + textBytes(content_type);
  if (message_expiry_s !== null) bytes += 5;
  if (correlation_data != null) bytes += 3 + correlation_data.length;
  for (const [name, values] of Object.entries(user_properties)) {
    for (const value of Array.isArray(values) ? values : [values]) bytes += 1 + textBytes(name) + textBytes(value);
  }
  return bytes;
}

const textBytes = (text: string): number => 2 + Buffer.byteLength(text);

function variableBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}
