import type { DeliveryAttempt, QoS } from '@cortex-mqtt/contracts';
import type { Outcome } from './outcome';

/** Properties of MQTT 5 as they are kept (MQTT 5, 3.3.2.3); null when the message brought none. */
export interface RecordedProperties {
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  response_topic: string | null;
  correlation_data: Buffer | null;
  /** Seconds left when the broker sent it. */
  message_expiry_s: number | null;
  payload_is_utf8: boolean;
}

/** One message through one subscription, as far as it had come when the segment was closed. */
export interface RecordedDelivery {
  subscription_id: number;
  outcome: Outcome;
  /** Why it failed or died. */
  error: string | null;
  /** The latest attempts, oldest first. */
  attempts: DeliveryAttempt[];
  /** Under which it is, or was, in the queue of deliveries. */
  queue_id: string | null;
}

/** One received PUBLISH and what became of it. */
export interface RecordedMessage {
  /** See record-id.ts. */
  id: string;
  topic: string;
  /** As it came, or cut off, or redacted. */
  payload: Buffer;
  /** Bytes it had when it came. */
  payload_bytes: number;
  isRedacted: boolean;
  qos: QoS;
  retain: boolean;
  duplicate: boolean;
  properties: RecordedProperties | null;
  /** The identity that the message carries; null = none, then it is that of the record. */
  identity: string | null;
  /** Name of the broker it came by. */
  broker: string;
  deliveries: RecordedDelivery[];
}

/** An end that came after the segment with the message was closed: a handed-over delivery, a retry, a replay. */
export interface LateOutcome extends RecordedDelivery {
  /** Id of the record. */
  message_id: string;
  at_ms: number;
  /** Of which replay it was a delivery; null = of the message itself. */
  replay_id: string | null;
}

/** Messages that were received and not recorded. */
export interface RecordingGap {
  from_ms: number;
  to_ms: number;
  /** null = not known, as after a crash. */
  messages: number | null;
  reason: GapReason;
}

export const GAP_REASONS = ['buffer_full', 'crash', 'refused', 'lost'] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** What a listener sends at once. */
export interface Segment {
  /** Unique in the product; a segment that comes twice is stored once. */
  id: string;
  messages: RecordedMessage[];
  outcomes: LateOutcome[];
  gaps: RecordingGap[];
}

/** The identity of a message for its deliveries: what it carries, else that of its record. */
export const identityOf = ({ identity, id }: Pick<RecordedMessage, 'identity' | 'id'>): string => identity ?? `r_${id}`;
