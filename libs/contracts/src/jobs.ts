import type { InstanceId, ProductId } from './ids';

/** Told to one listener instance. It says "look again", never what to find. */
export type ControlJob =
  | { name: 'config-changed'; data: { product_id: ProductId; revision: number } }
  | { name: 'reconnect'; data: { product_id: ProductId; reconnect_id: string; generation: number } }
  | { name: 'connection-test'; data: { product_id: ProductId; test_id: string } }
  /** Answers RecentMessage[]: newest first, `limit` at most, only those received after `after`. */
  | {
      name: 'recent-messages';
      data: { product_id: ProductId; subscription_id: number; limit: number; after: string | null };
    }
  /** Answers whether the instance knows the destination. */
  | { name: 'breaker'; data: { product_id: ProductId; destination_id: string; change: 'try_now' | 'close' } }
  /** Answers TestMessageOutcome. */
  | {
      name: 'test-message';
      data: { product_id: ProductId; topic: string; payload: string; qos: 0 | 1 | 2 };
    };

/** Whether the broker took a test message (QoS 0: whether it was written to it). */
export type TestMessageOutcome = { published: true } | { published: false; reason: string };

/** A message that a listener received lately, as it keeps it for people to look at. */
export interface RecentMessage {
  topic: string;
  payload_base64: string;
  /** True: the payload was longer and is cut off. */
  payload_truncated: boolean;
  payload_bytes: number;
  qos: 0 | 1 | 2;
  retain: boolean;
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  received_at: string;
}

/** Worked by an orchestrator, for products without a live listener. */
export type ConnectionTestJob = { name: 'connection-test'; data: { product_id: ProductId; test_id: string } };

/** A bulk operation that somebody has asked for; worked by an orchestrator, what to do is in its row. */
export type OperationJob = { name: 'operation'; data: { operation_id: string } };

/** Queue names. BullMQ refuses `:` in them. */
export const queueNames = {
  /** Control jobs of one instance. */
  control: (product: ProductId, instance: InstanceId): string => `control-${product}-${instance}`,
  /** Connection tests that run in the orchestrator. */
  connectionTests: (): string => 'connection-tests',
  /** Bulk operations, worked by the orchestrators. */
  operations: (): string => 'operations',
  /** Leased, retrying and dead deliveries of one product. */
  deliveries: (product: ProductId): string => `deliveries-${product}`,
};

/** Matches the name of every queue of ours, those of `queueNames` that are added later included. */
export const OWN_QUEUE_NAME = new RegExp(`^(?:${Object.values(queueNames).map(patternOf).join('|')})`);

function patternOf(nameOf: (...parts: never[]) => string): string {
  const mark = '0';
  const [fixed = '', ...rest] = (nameOf as (...parts: string[]) => string)(mark, mark).split(mark);
  const escaped = fixed.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return rest.length === 0 ? `${escaped}$` : escaped;
}

/**
 * One delivery handed over to the queue: the message, ids and which actions are still to run.
 * Never configuration or secrets: the listener applies its current configuration by id.
 */
export interface DeliveryJobData {
  /** Identity of the delivery: (message, subscription). */
  delivery_id: string;
  product_id: number;
  subscription_id: number;
  message: QueuedMessage;
  /** Ids of the actions that have succeeded and must not run again. */
  succeeded_actions: string[];
  /** Ids of actions that ended in a permanent fault or ran out of attempts, with the last error. */
  failed_actions: { action_id: string; error: string }[];
  /** Revision the delivery began with. */
  revision: number;
  /** Attempts so far by action id. */
  attempts_made: Record<string, number>;
  /** The latest attempts, oldest first, 20 at most. */
  attempts: DeliveryAttempt[];
  /** RFC 3339, when it is due again; null while a listener is attempting it. */
  next_try_at: string | null;
  /** Set: not attempted since the breaker of this destination is open; it waits for that. Absent in older jobs. */
  deferral?: DeliveryDeferral | null;
  /** Set: not to be run but to be put among the dead letters, with this reason. */
  dead_reason: string | null;
  /** Set: runs after those of the same key with a lower sequence. */
  ordering: { key: string; sequence: number } | null;
  /** Milliseconds since the epoch at which a person had the dead letter retried; null = never dead. */
  revived_at_ms: number | null;
  /** Set: a recorded message that is run again. Its subscription's filter decides as it does for a new one. */
  replay?: { id: string; received_at: string; ids: 'original' | 'new' } | null;
  /** `traceparent` of the latest run; null or absent = nothing was traced. */
  trace?: string | null;
}

/** Why a delivery was not attempted. */
export interface DeliveryDeferral {
  /** Whose breaker is open; null = not known. */
  destination: string | null;
  reason: string;
  /** It is the one that looks whether the destination is back. */
  looks: boolean;
}

/** One run of one action of a delivery. */
export interface DeliveryAttempt {
  /** RFC 3339, at which it began. */
  at: string;
  action_id: string;
  outcome: 'succeeded' | 'failed' | 'permanent' | 'deferred';
  /** Of a webhook: the HTTP status code. */
  status: number | null;
  error: string | null;
  /** The first characters of the response, secrets redacted. */
  response_excerpt: string | null;
  duration_ms: number;
}

/** A delivery in the queue of its product. */
export type DeliveryJob = { name: 'deliver'; data: DeliveryJobData };

/** The bytes of a payload as a job holds them, in one of three ways. `storePayload` and `payloadOf` of the queues know them. */
export interface StoredPayload {
  /** Of UTF-8 without U+0000. */
  payload_text?: string;
  /** Pairs of ASCII characters that have changed places in the text. */
  payload_swaps?: string;
  /** Base64 of raw deflate (RFC 1951), with the length of the payload. */
  payload_deflated?: string;
  payload_bytes?: number;
  /** Of all other bytes, and of every payload in older jobs. */
  payload_base64?: string;
}

/** An MQTT PUBLISH as it was received. */
export interface QueuedMessage extends StoredPayload {
  /** Identity of the message: carried by it where it has one, else made on receipt. */
  message_id: string;
  topic: string;
  qos: 0 | 1 | 2;
  retain: boolean;
  duplicate: boolean;
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  received_at: string;
  /** What follows is absent in jobs of before it was kept. */
  response_topic?: string | null;
  correlation_data_base64?: string | null;
  message_expiry_s?: number | null;
  payload_is_utf8?: boolean;
  broker?: string | null;
  /** Under which the message is recorded. */
  record_id?: string | null;
}
