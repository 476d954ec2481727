/**
 * What an action gets when it has no `input` of its own, and what expressions and templates read.
 * `payload` is the parsed JSON, the text, or null for binary; `payload_base64` is there for binary only.
 * When an envelope is serialised, a JSON payload is embedded byte for byte as it came.
 */
export interface MessageEnvelope {
  /** Idempotency id of the (message, subscription, action). */
  id: string;
  product_id: number;
  subscription_id: number;
  topic: string;
  /** Levels matched by named wildcards `{+name}`. */
  params: Record<string, string>;
  payload: unknown;
  payload_base64?: string;
  qos: 0 | 1 | 2;
  retain: boolean;
  /** The DUP flag: the broker may have sent it before (MQTT 5, 3.3.1.1). */
  duplicate: boolean;
  /** A name that occurs more than once has an array of its values. */
  user_properties: Record<string, string | string[]>;
  /** RFC 3339, UTC, milliseconds. */
  received_at: string;
  /** Name of the broker it came by. This and what follows is absent where it is not known or the message has none. */
  broker?: string;
  content_type?: string;
  /** Where the publisher waits for an answer (MQTT 5, 3.3.2.3.5); see the option `reply` of actions. */
  response_topic?: string;
  /** Base64 of what an answer has to bring along (MQTT 5, 3.3.2.3.6). */
  correlation_data?: string;
  /** Seconds of its expiry that are left at this attempt, 0 when it has passed (MQTT 5, 3.3.2.3.3). */
  message_expiry_s?: number;
  /** When the publisher says it sent it: the user property `published-at`, `time` or `timestamp`; RFC 3339, UTC. */
  published_at?: string;
  /** Set when a stored message is run again. `received_at` above is then the first time, this one the replay's. */
  replay?: { id: string; received_at: string };
}

/** What only some messages have; only keys that are there. */
export type EnvelopeExtras = Pick<
  MessageEnvelope,
  'broker' | 'content_type' | 'response_topic' | 'correlation_data' | 'message_expiry_s' | 'published_at' | 'replay'
>;
