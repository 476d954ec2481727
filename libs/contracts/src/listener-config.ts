import type { ActionDefinition } from './action-definition';
import type { ListenerArchive } from './archive';
import type { BrokerConnection, QoS } from './broker';
import type { LeftSession } from './left-session';

export const PAYLOAD_FORMATS = ['json', 'text', 'binary'] as const;
export type PayloadFormat = (typeof PAYLOAD_FORMATS)[number];

/** On how many brokers of its list a product's listener is subscribed at a time. */
export const SUBSCRIBE_ON = ['one', 'all'] as const;
export type SubscribeOn = (typeof SUBSCRIBE_ON)[number];

/** One subscription as a listener runs it. */
export interface ListenerSubscription {
  id: number;
  name: string;
  /** As written by the person: relative to prefix/pattern unless the subscription says that it is absolute. */
  topic: string;
  /** What is sent in SUBSCRIBE, without `$share/…/` (MQTT 5, 4.7). */
  topic_filter: string;
  /** Names of the named wildcards, in order of the `+` they stand for; null for a plain `+`. */
  wildcard_names: (string | null)[];
  qos: QoS;
  payload_format: PayloadFormat;
  /** JSONata predicate over the envelope; null = every message. */
  filter: string | null;
  /** JSONata over the envelope that names the message's identity; null = what the message itself carries. */
  message_key: string | null;
  /** Deliveries of this subscription that may run at once; null = the listener's default. */
  concurrency: number | null;
  /** `none`, `topic`, or a JSONata expression that yields the ordering key. */
  ordering: string;
  actions: ActionDefinition[];
}

/**
 * Everything a listener needs, answer of `GET /internal/v1/mqtt-config`. Its ETag is `"<revision>"`.
 * Only enabled subscriptions and the secrets their actions name are in it.
 */
export interface ListenerConfigDocument {
  product_id: number;
  product_slug: string;
  /**
   * Never changes, and differs between deployments: makes the client id that all instances of the product use in turn.
   * null where there is no orchestrator.
   */
  session_key: string | null;
  enabled: boolean;
  revision: number;
  /** With the number it makes the revision an identity. Absent from an older orchestrator. */
  revision_key?: string;
  /** Raised by each "reconnect"; a listener that sees it raised reconnects once. */
  reconnect_generation: number;
  variables: Record<string, string>;
  /** In order of preference; the first is the primary. Empty: not configured yet. */
  brokers: BrokerConnection[];
  failover: {
    /** `one` broker of the list at a time, or `all` at once; then the two below mean nothing. */
    subscribe_on: SubscribeOn;
    /** Seconds without a connection before the next broker is tried; null = never. */
    after_s: number | null;
    /** Seconds the first broker must be healthy before going back to it; null = stay. */
    failback_after_s: number | null;
  };
  shared_group: string | null;
  handover_after_ms: number;
  /** Delivery probe; null = off. */
  probe: { topic: string; interval_s: number } | null;
  subscriptions: ListenerSubscription[];
  /** null = nothing is recorded, as with an orchestrator that keeps no archive. */
  archive?: ListenerArchive | null;
  /** Sessions of earlier configurations that are to be emptied and ended. Absent from an older orchestrator. */
  left_sessions?: LeftSession[];
  /** Values of `{{secrets.NAME}}`. */
  secrets: Record<string, string>;
}
