import { MAX_REPLICAS } from '../../model/max-replicas';

/** Deliveries that one listener may have before it. */
export const BACKLOG_EACH = 1_000;
/** Milliseconds that a message may wait for its acknowledgement. */
export const ACKNOWLEDGEMENT_AGE_MS = 5_000;

export interface ScalingFacts {
  enabled: boolean;
  is_shared: boolean;
  /** As many as the product says: the least of a shared group. */
  replicas: number;
  /** Listeners that are connected. */
  connected: number;
  backlog: number;
  acknowledgement_age_ms: number | null;
  /** Sessions that brokers keep, where messages may wait. */
  kept_sessions: number;
}

/**
 * How many listeners a product needs. More than its `replicas` only where they share the load, at most twice as many as are
 * connected, so that a moment's backlog starts no crowd. Never none while a broker may hold messages for it.
 */
export function wantedReplicas(facts: ScalingFacts): number {
  const { enabled, is_shared, replicas, connected, backlog, acknowledgement_age_ms, kept_sessions } = facts;
  if (!enabled) return kept_sessions > 0 ? 1 : 0;
  if (!is_shared) return replicas;
  const now = Math.max(1, connected);
  const by_backlog = Math.ceil(backlog / BACKLOG_EACH);
  const by_age = (acknowledgement_age_ms ?? 0) > ACKNOWLEDGEMENT_AGE_MS ? now + 1 : 1;
  return Math.min(MAX_REPLICAS, Math.max(replicas, Math.min(now * 2, Math.max(by_backlog, by_age))));
}
