import type { ConnectionState, SilenceReport } from '@cortex-mqtt/contracts';

/** What rules know of one product at one moment; null = not known. */
export interface ProductFacts {
  product_id: number;
  name: string;
  slug: string;
  connection: {
    state: ConnectionState;
    connected: boolean;
    reason: string | null;
    advice: string | null;
    /** Where it connects to, `host:port`; null = none is configured. */
    broker: string | null;
    /** The machine of the listener that spoke last; null = none ever has. */
    listener_host: string | null;
    /** Whether a listener has ever reported. */
    was_seen: boolean;
    wanted: number;
    granted: number;
    probe: 'waiting' | 'ok' | 'lost' | null;
    probe_reason: string | null;
  };
  desired_revision: number;
  applied_revision: number | null;
  rejected_reason: string | null;
  queue_depth: number | null;
  oldest_queued_ms: number | null;
  oldest_unacknowledged_ms: number | null;
  dead_letters: number | null;
  warnings: { code: string; message: string }[];
  /** Days left of the certificates in use, the shortest one. */
  certificate: { days_left: number; subject: string } | null;
  destinations: { id: string; name: string; is_down: boolean; reason: string | null }[];
  /** Series that are silent now, as listeners have counted. */
  silent: SilenceReport[];
}

/** What happened within a window, by product. */
export interface Traffic {
  attempts: number;
  failed: number;
  dead: number;
  latency_p95_ms: number | null;
  latency_p99_ms: number | null;
  /** Times that the connection broke. */
  disconnections: number;
  sessions_lost: number;
  /** Messages missing from the archive; null = not known. */
  archive_gaps: number | null;
}

export const NO_TRAFFIC: Traffic = {
  attempts: 0,
  failed: 0,
  dead: 0,
  latency_p95_ms: null,
  latency_p99_ms: null,
  disconnections: 0,
  sessions_lost: 0,
  archive_gaps: 0,
};
