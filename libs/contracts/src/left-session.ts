import type { BrokerConnection, QoS } from './broker';

/** Why nobody uses a session any more that a broker still keeps. */
export const LEFT_SESSION_REASONS = [
  'broker_changed',
  'client_id_changed',
  'sharing_changed',
  'product_disabled',
  'product_deleted',
] as const;
export type LeftSessionReason = (typeof LEFT_SESSION_REASONS)[number];

/**
 * A persistent session that the configuration of before used. What waits in it is delivered, then it is ended: kept, it would go
 * on collecting, and all of that would run a second time should it ever be used again.
 */
export interface LeftSession {
  id: number;
  reason: LeftSessionReason;
  /** As it was connected to. */
  broker: BrokerConnection;
  client_id: string;
  shared_group: string | null;
  /** What was subscribed to in it. */
  subscriptions: { id: number; topic_filter: string; qos: QoS }[];
}

/** What a listener reports of a left session that it had claimed. */
export interface LeftSessionOutcome {
  /** Its messages were delivered and the broker keeps it no longer; false: it is retried later. */
  is_ended: boolean;
  /** Messages that it held. */
  messages: number;
  /** Why it was not ended; null when it was. */
  reason: string | null;
}
