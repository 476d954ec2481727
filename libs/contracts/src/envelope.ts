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
}
