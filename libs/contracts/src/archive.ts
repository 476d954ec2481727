/**
 * What is recorded: `matched` = messages that a subscription matches; `everything` = also what comes under `filters`, which
 * are subscribed to for that purpose; `dead` = only messages of which a delivery has died.
 */
export const ARCHIVE_SCOPES = ['matched', 'everything', 'dead'] as const;
export type ArchiveScope = (typeof ARCHIVE_SCOPES)[number];

/** What is taken out of a message before it leaves the listener. */
export interface ArchiveRedaction {
  /** Below the envelope: `payload.card.number`, `payload.items.*.iban`, `user_properties.token`. */
  paths: string[];
  /** JSONata over the envelope; its value is kept in place of the payload. null = none. */
  expression: string | null;
}

/** The part of a product's archive settings that its listener applies. */
export interface ListenerArchive {
  enabled: boolean;
  scope: ArchiveScope;
  /** Topic filters for the scope `everything`. */
  filters: string[];
  /** Bytes of a payload that are kept; the rest is cut off. */
  max_payload_bytes: number;
  redact: ArchiveRedaction | null;
  /** A message is acknowledged only when it is stored. */
  before_ack: boolean;
  /** Subscriptions that are disabled: what would have matched them is recorded as paused. */
  paused: { id: number; topic_filter: string; qos: 0 | 1 | 2 }[];
}

/**
 * Ids, for the session, of filters that are subscribed to only to record what comes: counted down from the largest
 * Subscription Identifier of MQTT 5 (3.8.2.1.2), far above the ids of subscriptions.
 */
export const ARCHIVE_FILTER_ID = 268_435_000;
