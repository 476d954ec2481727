import { hostname } from 'node:os';
import { emptyCounters, type ProbeReport, type TopicFilterState } from '@cortex-mqtt/contracts';
import { PROBE_SUBSCRIPTION_ID } from '../probe/delivery-probe';
import type { ProductListener } from '../product-listener';
import type { SessionSnapshot } from '../session/session-snapshot';
import type { StatusFacts } from './status-reporter';

export interface ProcessIdentity {
  instance_id: string;
  boot_id: string;
  version: string;
  started_at: Date;
}

/** Most filters that a report names. */
const MAX_FILTERS = 200;

/** Why a listener has nothing to run yet. */
export interface IdleReason {
  reason: string;
  reason_code: string;
  advice: string;
}

const DISABLED: IdleReason = {
  reason: 'The product is disabled.',
  reason_code: 'PRODUCT_DISABLED',
  advice: 'Enable the product to let its listener connect.',
};

/** The whole truth of this process at this moment. */
export function statusFacts(
  identity: ProcessIdentity,
  listener: ProductListener | null,
  options: {
    is_stopped: boolean;
    idle: IdleReason | null;
    /** Why the active configuration could not be kept on disk; null when it is there. */
    cache_fault?: string | null;
  },
): StatusFacts {
  const session = listener?.session?.snapshot() ?? null;
  const document = listener?.applied?.document ?? null;
  const idle = options.idle ?? (document && !document.enabled ? DISABLED : null);
  const filters = session?.topic_filters ?? [];
  const probe = listener?.probe.report() ?? null;
  return {
    instance_id: identity.instance_id,
    boot_id: identity.boot_id,
    version: identity.version,
    hostname: hostname(),
    pid: process.pid,
    started_at: identity.started_at.toISOString(),
    ...stateOf({ is_stopped: options.is_stopped, idle, listener, session, probe, started_at: identity.started_at }),
    config_source: listener?.source ?? null,
    applied_revision: document?.revision ?? null,
    applied_revision_key: document?.revision_key ?? null,
    applied_reconnect_generation: document?.reconnect_generation ?? null,
    rejected_revision: listener?.rejected ?? null,
    broker: session?.broker ?? null,
    brokers: (session?.brokers ?? []).map(({ topic_filters, ...broker }) => ({
      ...broker,
      subscribed: subscribedOf(topic_filters),
    })),
    broker_info: session?.broker_info ?? {},
    client_id: session?.client_id ?? null,
    connected_at: session?.connected_at ?? null,
    disconnected_at: session?.disconnected_at ?? null,
    recovery: session?.recovery ?? null,
    subscribed: subscribedOf(filters),
    topic_filters: filters
      .filter((filter) => !isGranted(filter) || filter.granted_qos !== filter.requested_qos)
      .slice(0, MAX_FILTERS),
    warnings: [
      ...(session?.warnings ?? []),
      ...(listener?.drops.warnings() ?? []),
      ...(listener?.sides.warnings() ?? []),
      ...sharedWarnings(listener),
      ...(listener?.pipeline.unmatched.warnings() ?? []),
      ...(listener?.discarded.warnings() ?? []),
      ...(listener?.deadLetters?.warnings() ?? []),
      ...queueWarnings(listener),
      ...cacheWarnings(options.cache_fault ?? null),
    ],
    oldest_unacknowledged_ms: session?.oldest_unacknowledged_ms ?? null,
    in_flight: listener?.pipeline.engine.in_flight ?? 0,
    // One that can't be reached is not known; the last figure would pass for the present one.
    queue_depth: listener?.queue_gauge ? listener.queue_gauge.depth() : null,
    oldest_queued_ms: listener?.queue_gauge?.oldest_ms() ?? null,
    probe,
    destinations: listener?.destinations.report() ?? [],
    silent: listener?.silence.silent() ?? [],
    last_message_at: lastMessageAt(listener),
    latency_ms: latencyOf(listener),
    counters: { ...(listener?.pipeline.counters ?? emptyCounters()) },
  };
}

function sharedWarnings(listener: ProductListener | null): StatusFacts['warnings'] {
  const fault = listener?.shared.fault() ?? null;
  return fault === null ? [] : [{ code: fault.code, message: `${fault.message} ${fault.advice}` }];
}

function queueWarnings(listener: ProductListener | null): StatusFacts['warnings'] {
  const fault = listener?.queue_gauge?.fault() ?? null;
  return fault === null ? [] : [{ code: fault.code, message: `${fault.message} ${fault.advice}` }];
}

function cacheWarnings(fault: string | null): StatusFacts['warnings'] {
  if (fault === null) return [];
  const message = `The configuration could not be kept on disk: ${fault}. Started while the orchestrator is away, the listener would run the one before, or none.`;
  return [{ code: 'CONFIG_NOT_KEPT', message }];
}

type StateFacts = Pick<StatusFacts, 'state' | 'state_since' | 'reason' | 'reason_code' | 'advice'>;

const WELL = { reason: null, reason_code: null, advice: null };

function stateOf(facts: {
  is_stopped: boolean;
  idle: IdleReason | null;
  listener: ProductListener | null;
  session: SessionSnapshot | null;
  probe: ProbeReport | null;
  started_at: Date;
}): StateFacts {
  const { idle, listener, session, probe } = facts;
  const since = facts.started_at.toISOString();
  if (facts.is_stopped) return { state: 'stopped', state_since: new Date().toISOString(), ...WELL };
  if (idle) return { state: 'unconfigured', state_since: since, ...idle };
  if (listener?.is_waiting_for_turn) {
    const { role } = listener;
    if (role.reason === null) return { state: 'starting', state_since: since, ...WELL };
    return {
      state: 'standby',
      state_since: role.since.toISOString(),
      reason: role.reason,
      reason_code: 'STANDBY',
      advice: 'Nothing to do: it takes over by itself. With shared subscriptions all instances work at once.',
    };
  }
  if (!session) return { state: listener?.applied ? 'unconfigured' : 'starting', state_since: since, ...WELL };
  // A refused or lowered subscription says more about the cause than the canary that it keeps away.
  if (session.state === 'connected' && probe?.state === 'lost') {
    return {
      state: 'degraded',
      state_since: probe.since,
      reason: probe.reason,
      reason_code: 'PROBE_LOST',
      advice:
        'The connection is there and messages may not flow: look into the log of the broker, its access rules for the topic of the probe, and how much waits at the broker.',
    };
  }
  const queue = listener?.queue_gauge?.fault() ?? null;
  if (session.state === 'connected' && queue !== null) {
    const { code, since, message, advice } = queue;
    return { state: 'degraded', state_since: since, reason: message, reason_code: code, advice };
  }
  const shared = listener?.shared.fault() ?? null;
  if (session.state === 'connected' && shared !== null) {
    const { code, since, message, advice } = shared;
    return { state: 'degraded', state_since: since, reason: message, reason_code: code, advice };
  }
  const { state, state_since, reason, reason_code, advice } = session;
  return { state, state_since, reason, reason_code, advice };
}

const isGranted = (filter: TopicFilterState): boolean => filter.granted_qos !== null && filter.refused === null;

/** Without the filter of the probe. */
function subscribedOf(filters: readonly TopicFilterState[]): { wanted: number; granted: number } {
  const own = filters.filter(({ subscription_ids }) => subscription_ids.some((id) => id !== PROBE_SUBSCRIPTION_ID));
  return { wanted: own.length, granted: own.filter(isGranted).length };
}

function lastMessageAt(listener: ProductListener | null): string | null {
  const at_ms = listener?.pipeline.lastMessageAt() ?? null;
  return at_ms === null ? null : new Date(at_ms).toISOString();
}

function latencyOf(listener: ProductListener | null): StatusFacts['latency_ms'] {
  const latency = listener?.pipeline.latency() ?? null;
  return latency && { p50: latency.p50_ms, p95: latency.p95_ms, p99: latency.p99_ms, count: latency.count };
}
