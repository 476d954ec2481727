import type { DestinationReport, SilenceReport, SilenceWatch } from './observations';

/** State of one instance's connection. */
export const INSTANCE_STATES = [
  'starting',
  'unconfigured',
  'connecting',
  'connected',
  'degraded',
  'disconnected',
  'standby',
  'stopped',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

/** State of a product: the sum over its live instances. */
export const CONNECTION_STATES = [
  'no_listener',
  'connecting',
  'connected',
  'degraded',
  'disconnected',
  'stale',
] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

export const CONFIG_SOURCES = ['orchestrator', 'last_known_good', 'environment'] as const;
export type ConfigSource = (typeof CONFIG_SOURCES)[number];

/**
 * Cumulative since the process started; the orchestrator adds differences, so a repeated report counts once. They
 * reconcile: `messages_received = messages_matched + messages_unmatched`, and `deliveries_started + deliveries_taken =
 * deliveries_succeeded + deliveries_failed + deliveries_queued + deliveries_dead +` those in flight.
 */
export interface InstanceCounters {
  messages_received: number;
  messages_matched: number;
  messages_unmatched: number;
  deliveries_started: number;
  deliveries_succeeded: number;
  /** Given up without a dead letter, because no queue is configured. */
  deliveries_failed: number;
  /** Times a delivery was left to the queue; with `deliveries_taken` taken off: those that wait there. */
  deliveries_queued: number;
  /** Times a delivery was taken from the queue. */
  deliveries_taken: number;
  deliveries_dead: number;
  /** Runs of actions, whatever came of them: `actions_executed + actions_failed`. */
  actions_attempted: number;
  /** Attempts that succeeded. */
  actions_executed: number;
  /** Attempts that failed. */
  actions_failed: number;
}

export function emptyCounters(): InstanceCounters {
  return {
    messages_received: 0,
    messages_matched: 0,
    messages_unmatched: 0,
    deliveries_started: 0,
    deliveries_succeeded: 0,
    deliveries_failed: 0,
    deliveries_queued: 0,
    deliveries_taken: 0,
    deliveries_dead: 0,
    actions_attempted: 0,
    actions_executed: 0,
    actions_failed: 0,
  };
}

/** Differences since the last delta. */
export interface SubscriptionCounters {
  subscription_id: number;
  messages_received: number;
  /** Absent in older reports, whose `actions_executed` has the failed ones as well. */
  actions_attempted?: number;
  /** Attempts that succeeded. */
  actions_executed: number;
  actions_failed: number;
  last_message_at: string | null;
}

export interface TopicFilterState {
  topic_filter: string;
  subscription_ids: number[];
  requested_qos: 0 | 1 | 2;
  /** null while not yet answered. */
  granted_qos: 0 | 1 | 2 | null;
  /** SUBACK reason of a refusal in words, with its code (MQTT 5, 3.9.3); null when granted. */
  refused: string | null;
}

/** The delivery probe of one instance: a canary that it publishes and has to receive by its own subscription. */
export interface ProbeReport {
  /** The instance's own topic, below the one that is configured. */
  topic: string;
  interval_s: number;
  /** `waiting`: no canary has come back yet, and none is overdue. */
  state: 'waiting' | 'ok' | 'lost';
  /** Since when `state` holds. */
  since: string;
  /** Why it is lost; null when it isn't. */
  reason: string | null;
  last_sent_at: string | null;
  last_received_at: string | null;
  /** Of the last one received. */
  round_trip_ms: number | null;
}

/** One broker of the list that the instance is connected to, or tries to be. */
export interface BrokerReport
  extends Pick<
    StatusReport,
    | 'state'
    | 'state_since'
    | 'reason'
    | 'reason_code'
    | 'advice'
    | 'client_id'
    | 'connected_at'
    | 'disconnected_at'
    | 'recovery'
    | 'subscribed'
  > {
  name: string;
  host: string;
  port: number;
  /** The persistent session that the broker keeps; `expiry_s` null = without limit. null = it keeps none. */
  session: { expiry_s: number | null } | null;
}

/** A persistent session at a broker, as some listener of the product reported it last. */
export interface ReportedSession {
  host: string;
  port: number;
  client_id: string;
  /** When it was known to be there. */
  seen_at: string;
  /** Seconds that it outlives its connection; null = without limit. */
  expiry_s: number | null;
}

/** What a member of a shared group that is gone has left at brokers: its session, with what was queued for it. */
export interface OrphanedSessions {
  instance_id: string;
  sessions: { host: string; port: number; client_id: string }[];
}

/** What happened to a connection, for the history. */
export interface ConnectionEvent {
  at: string;
  type:
    | 'connected'
    | 'disconnected'
    | 'connect_failed'
    | 'failover'
    | 'failback'
    | 'subscription_refused'
    | 'qos_downgraded'
    | 'session_lost'
    | 'probe_lost'
    | 'probe_recovered'
    | 'taken_over'
    | 'flapping'
    | 'session_adopted'
    | 'session_ended'
    | 'session_not_ended'
    /** Of a newer listener, which says what it is in `detail.type`. */
    | 'other'
    | 'config_applied'
    | 'config_rejected';
  broker: string | null;
  detail: Record<string, unknown>;
}

/** Body of `POST /internal/mqtt-status`: the whole truth of one instance at one moment. */
export interface StatusReport {
  instance_id: string;
  /** Made again at each process start; counters are cumulative within it. */
  boot_id: string;
  /** Rises by one with each report of a boot; a lower one that comes late is ignored. */
  sequence: number;
  reported_at: string;
  version: string;
  hostname: string;
  pid: number;
  started_at: string;
  state: InstanceState;
  /** Since when `state` holds. */
  state_since: string;
  /** The reason in words; null when all is healthy. */
  reason: string | null;
  /** Diagnosis code of `reason`, and what to do. */
  reason_code: string | null;
  advice: string | null;
  config_source: ConfigSource | null;
  applied_revision: number | null;
  /** Key of the applied revision; null where it has none. Absent in older reports. */
  applied_revision_key?: string | null;
  applied_reconnect_generation: number | null;
  /** Why the newest revision could not be applied; null when it was. */
  rejected_revision: { revision: number; reason: string } | null;
  /** The broker in use; of several the first that is connected. */
  broker: { name: string; host: string; port: number } | null;
  /** The one in use, or with `subscribe_on: all` each of the list. Absent in older reports. */
  brokers?: BrokerReport[];
  broker_info: Record<string, unknown>;
  client_id: string | null;
  connected_at: string | null;
  disconnected_at: string | null;
  /** `is_refused`: the broker was reached and refuses; another instance would fare no better. Absent in older reports. */
  recovery: { attempt: number; next_try_at: string | null; is_refused?: boolean } | null;
  /** How many filters the instance wants and how many the broker has granted. */
  subscribed: { wanted: number; granted: number };
  /** Only those that are not as wanted: refused, granted lower than asked, or not yet answered; at most 200. */
  topic_filters: TopicFilterState[];
  warnings: { code: string; message: string }[];
  /** Milliseconds since the oldest message that is not acknowledged was received; null = none. */
  oldest_unacknowledged_ms: number | null;
  in_flight: number;
  queue_depth: number | null;
  oldest_queued_ms: number | null;
  /** null: the product has none, or this instance is not the active one. */
  probe: ProbeReport | null;
  last_message_at: string | null;
  /** Milliseconds from receipt to the end of a delivery, over the last report's interval; null without one. */
  latency_ms: { p50: number; p95: number; p99: number; count: number } | null;
  counters: InstanceCounters;
  /** It stops and would leave its shared group, if another instance stays in it. */
  is_leaving?: boolean;
  /** Absent in older reports. */
  destinations?: DestinationReport[];
  /** Series that have stopped, of those that the last reply asked to be watched; at most 10,000. Absent in older reports. */
  silent?: SilenceReport[];
  delta: StatusDelta;
}

/**
 * What happened since the last delta that the orchestrator has confirmed. A delta is frozen under its sequence and sent
 * again, unchanged, until it is confirmed; the orchestrator applies each sequence of a boot once.
 */
export interface StatusDelta {
  /** Rises by one with each new delta of a boot, from 1; an empty delta keeps the last one's. */
  sequence: number;
  /** Only subscriptions with something to tell. */
  subscriptions: SubscriptionCounters[];
  events: ConnectionEvent[];
}

/** Of several instances that would use one session at the broker, one is active; the others wait for their turn. */
export type InstanceRole = 'active' | 'standby';

/** Answer of `POST /internal/mqtt-status`. */
export interface StatusReply {
  role: InstanceRole;
  /** Rises by one each time another instance becomes the active one; 0 where instances don't take turns. */
  term: number;
  /** Who is active instead; null when it is this one. */
  active_instance_id: string | null;
  /** Answer to `is_leaving`: another instance stays connected, so the group does not end up without members. */
  may_leave: boolean;
  /** Milliseconds between two heartbeats at most; null = as the listener is configured. */
  heartbeat_ms: number | null;
  /**
   * Sessions that listeners of the product had at brokers, for one that has no notes of them: it finds out by these that a broker has
   * lost one. Absent from an older orchestrator.
   */
  known_sessions?: ReportedSession[];
  /** Of members that have been gone for long: this instance empties their sessions. Absent from an older orchestrator. */
  orphans?: OrphanedSessions[];
  /** Absent from an older orchestrator. */
  silence_watches?: SilenceWatch[];
  desired_revision: number;
  /** Absent from an older orchestrator. */
  desired_revision_key?: string;
  /** The delta that is confirmed by this answer. */
  delta_sequence: number;
}
