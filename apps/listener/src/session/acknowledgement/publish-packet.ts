import type { ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import type { MessageProperties, SubscriptionIdentifiers } from '../incoming-message';

/** A PUBLISH as it stood on the wire. `payload` is a view on the bytes that were read. */
export interface PublishPacket {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  duplicate: boolean;
  /** 0 with QoS 0. */
  packet_id: number;
  properties: MessageProperties;
  subscription_identifiers: SubscriptionIdentifiers;
}

/** The broker broke the protocol; the connection can't go on (MQTT 5, 4.13). `reason_code` is that of DISCONNECT. */
export class ProtocolFault extends Error {
  constructor(
    message: string,
    readonly reason_code: number,
  ) {
    super(message);
    this.name = 'ProtocolFault';
  }
}

const MALFORMED_PACKET = 0x81;
const PROTOCOL_ERROR = 0x82;
const TOPIC_ALIAS_INVALID = 0x94;

const NO_IDENTIFIERS: readonly number[] = Object.freeze([]);
const NO_PROPERTIES: MessageProperties = Object.freeze({
  user_properties: Object.freeze({}),
  content_type: null,
  response_topic: null,
  correlation_data: null,
  message_expiry_s: null,
  payload_is_utf8: false,
});

/** Identifiers of the properties of PUBLISH (MQTT 5, 2.2.2.2). */
const PROPERTY = {
  payload_format: 0x01,
  message_expiry: 0x02,
  content_type: 0x03,
  response_topic: 0x08,
  correlation_data: 0x09,
  subscription_identifier: 0x0b,
  topic_alias: 0x23,
  user_property: 0x26,
} as const;

/**
 * Reads one PUBLISH (MQTT 3.1.1 and 5, 3.3). `first_byte` is the first byte of the packet, `start`…`end` bound what
 * follows the remaining length. Throws ProtocolFault on bytes that are no PUBLISH.
 */
export function readPublish(
  bytes: Buffer,
  first_byte: number,
  start: number,
  end: number,
  version: ProtocolVersion,
): PublishPacket {
  const qos = (first_byte >> 1) & 0b11;
  if (qos === 3) throw new ProtocolFault('PUBLISH with both QoS bits set', MALFORMED_PACKET);
  if (start + 2 > end) throw new ProtocolFault('PUBLISH without a topic', MALFORMED_PACKET);
  const topic_start = start + 2;
  let at = topic_start + ((bytes[start]! << 8) | bytes[start + 1]!);
  if (at > end) throw new ProtocolFault('topic of a PUBLISH is longer than the packet', MALFORMED_PACKET);
  const topic = bytes.toString('utf8', topic_start, at);

  let packet_id = 0;
  if (qos > 0) {
    if (at + 2 > end) throw new ProtocolFault('PUBLISH without its packet identifier', MALFORMED_PACKET);
    packet_id = (bytes[at]! << 8) | bytes[at + 1]!;
    at += 2;
    if (packet_id === 0) throw new ProtocolFault('PUBLISH with packet identifier 0', PROTOCOL_ERROR);
  }

  let properties = NO_PROPERTIES;
  let subscription_identifiers: SubscriptionIdentifiers = NO_IDENTIFIERS;
  if (version === 5) {
    if (at < end && bytes[at] === 0) {
      at += 1;
    } else {
      const reader = new PropertyReader(bytes, at, end);
      const read = reader.read();
      properties = read.properties;
      subscription_identifiers = read.subscription_identifiers;
      at = reader.end;
    }
  }
  if (topic.length === 0) throw new ProtocolFault('PUBLISH with an empty topic', PROTOCOL_ERROR);
  return {
    topic,
    payload: bytes.subarray(at, end),
    qos: qos as QoS,
    retain: (first_byte & 0b1) !== 0,
    duplicate: (first_byte & 0b1000) !== 0,
    packet_id,
    properties,
    subscription_identifiers,
  };
}

/** Reads the properties of a PUBLISH, one pass, no allocation for those that are absent. */
class PropertyReader {
  readonly end: number;
  private at: number;

  constructor(
    private readonly bytes: Buffer,
    start: number,
    packet_end: number,
  ) {
    this.at = start;
    this.end = packet_end;
    const length = this.variableByteInteger();
    this.end = this.at + length;
    if (this.end > packet_end) throw new ProtocolFault('properties are longer than the packet', MALFORMED_PACKET);
  }

  read(): { properties: MessageProperties; subscription_identifiers: SubscriptionIdentifiers } {
    let properties: MessageProperties | null = null;
    let identifiers: SubscriptionIdentifiers = NO_IDENTIFIERS;
    while (this.at < this.end) {
      const property = this.byte();
      // Most messages bring their subscription identifier and nothing else.
      if (property === PROPERTY.subscription_identifier) {
        const identifier = this.variableByteInteger();
        if (typeof identifiers === 'number') identifiers = [identifiers, identifier];
        else identifiers = identifiers.length === 0 ? identifier : [...identifiers, identifier];
        continue;
      }
      properties ??= { ...NO_PROPERTIES, user_properties: {} };
      switch (property) {
        case PROPERTY.payload_format:
          properties.payload_is_utf8 = this.byte() === 1;
          break;
        case PROPERTY.message_expiry:
          this.need(4);
          properties.message_expiry_s = this.bytes.readUInt32BE(this.at);
          this.at += 4;
          break;
        case PROPERTY.content_type:
          properties.content_type = this.text();
          break;
        case PROPERTY.response_topic:
          properties.response_topic = this.text();
          break;
        case PROPERTY.correlation_data:
          properties.correlation_data = Buffer.from(this.binary());
          break;
        case PROPERTY.user_property:
          addUserProperty(properties.user_properties, this.text(), this.text());
          break;
        case PROPERTY.topic_alias:
          // CONNECT offers no Topic Alias Maximum, so it is 0 (MQTT 5, 3.1.2.11.5).
          throw new ProtocolFault('PUBLISH with a topic alias, none was allowed', TOPIC_ALIAS_INVALID);
        default:
          throw new ProtocolFault(`PUBLISH with property 0x${property.toString(16)}`, MALFORMED_PACKET);
      }
    }
    return { properties: properties ?? NO_PROPERTIES, subscription_identifiers: identifiers };
  }

  private need(length: number): void {
    if (this.at + length > this.end) throw new ProtocolFault('property is longer than the packet', MALFORMED_PACKET);
  }

  private byte(): number {
    this.need(1);
    return this.bytes[this.at++]!;
  }

  private binary(): Buffer {
    this.need(2);
    const length = (this.bytes[this.at]! << 8) | this.bytes[this.at + 1]!;
    this.at += 2;
    this.need(length);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private text(): string {
    return this.binary().toString('utf8');
  }

  private variableByteInteger(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new ProtocolFault('variable byte integer of more than four bytes', MALFORMED_PACKET);
  }
}

/** Defines instead of assigning, so that a property named `__proto__` is a property and nothing else. */
function addUserProperty(all: Record<string, string | string[]>, name: string, value: string): void {
  const present = Object.hasOwn(all, name) ? all[name] : undefined;
  const next = present === undefined ? value : Array.isArray(present) ? [...present, value] : [present, value];
  Object.defineProperty(all, name, { value: next, enumerable: true, configurable: true, writable: true });
}
