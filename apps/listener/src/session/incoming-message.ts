import type { QoS } from '@cortex-mqtt/contracts';

/** Properties of an MQTT 5 PUBLISH that actions may read (MQTT 5, 3.3.2.3). Empty with MQTT 3.1.1. */
export interface MessageProperties {
  /** A name that occurs more than once has an array of its values, in order. */
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  response_topic: string | null;
  correlation_data: Buffer | null;
  /** Seconds left when the broker sent it. */
  message_expiry_s: number | null;
  /** true: the publisher says that the payload is UTF-8 text. */
  payload_is_utf8: boolean;
}

/**
 * Subscription Identifiers of a PUBLISH (MQTT 5, 3.3.2.3.8). Mostly there is one, and then it is only that number: an array
 * for each message is what the collector would have most work with.
 */
export type SubscriptionIdentifiers = number | readonly number[];

/**
 * One PUBLISH on its way to the actions. It stays unacknowledged, and the broker keeps it, until `settle()`.
 */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The DUP flag: the broker may have sent it before (MQTT 5, 3.3.1.1). */
  readonly duplicate: boolean;
  readonly properties: MessageProperties;
  /** That came with it; empty with MQTT 3.1.1. */
  readonly subscription_identifiers: SubscriptionIdentifiers;
  /** Identifies it between broker and client while it is in flight (MQTT 5, 2.2.1); 0 with QoS 0. */
  readonly packet_id: number;
  /** Milliseconds since the epoch. */
  readonly received_at_ms: number;
  /** Name of the connection it came by: the broker's, with the number of the lane where there are several. */
  readonly connection: string;
  /** Name of the broker. */
  readonly broker: string;
  /**
   * Every action has ended or was handed over durably: the broker may forget it. Only the first call counts. The
   * acknowledgement leaves in order of receipt, so it may wait for older messages.
   */
  settle(): void;
}
