/** A place that actions go to, as one listener has seen it. */
export interface DestinationReport {
  /** The same in every process and safe in a URL. */
  id: string;
  action_type: string;
  /** Origin, database, queue or broker; never with credentials. */
  name: string;
  breaker: 'closed' | 'open' | 'half_open';
  /** When an open breaker lets the next attempt through; null while it is closed. */
  next_try_at: string | null;
  /** Attempts that ended within the last `window_s`. */
  window_s: number;
  attempts: number;
  failed: number;
  latency_ms: { p50: number; p95: number; p99: number } | null;
  last_succeeded_at: string | null;
  last_failed_at: string | null;
  last_error: string | null;
  /** Why attempts of the window failed, most frequent first; at most 5. */
  failures: { reason: string; count: number }[];
  /** Subscriptions that have sent there; at most 20. */
  subscription_ids: number[];
}

/** Most destinations that a report names: those with failures first. */
export const MAX_REPORTED_DESTINATIONS = 50;

/** What a listener watches for silence. */
export interface SilenceWatch {
  rule_id: number;
  /** null: any of the product. */
  subscription_id: number | null;
  /** A named level of the topic: each of its values is a series of its own. null = one series. */
  parameter: string | null;
  /** Seconds; with a factor the least. */
  limit_s: number;
  /** The limit is this many times the usual gap of a series; null = `limit_s`. */
  usual_gap_factor: number | null;
  /** By key: when a series was heard last as the orchestrator knows it, milliseconds since the epoch. */
  last_heard_ms: Record<string, number>;
}

/** A series of messages that has stopped, for a rule that watches it. */
export interface SilenceReport {
  rule_id: number;
  /** Value of the topic parameter; empty where the whole is watched. */
  key: string;
  last_message_at_ms: number;
  /** The limit that it has passed, seconds. */
  limit_s: number;
}
