import type { StatusReport } from '@cortex-mqtt/contracts';
import type { ProductState } from '../../model/product-state';
import type { MessageRates } from '../metrics/message-rates';
import type {
  BrokerStatusView,
  DesiredView,
  FlowView,
  LiveView,
  ProbeView,
  RecoveryView,
  SubscribedView,
  WarningView,
} from './connection-status.view';

/** An instance whose heartbeat is fresh. */
export interface LiveReport {
  report: StatusReport;
  last_heartbeat_at: Date;
  /** When `report` came; null = with the last heartbeat. */
  received_at: Date | null;
}

/** Seconds that the clocks of listener and orchestrator may differ, transport included. */
const TOLERATED_SKEW_S = 60;

/** What is wanted, and why it is not in effect where that is known. */
export function presentDesired(
  config: { revision: number; updated_at: Date; broker_host: string | null },
  { enabled, live }: { enabled: boolean; live: LiveReport[] },
): DesiredView {
  return {
    enabled,
    revision: config.revision,
    since: config.updated_at.toISOString(),
    reason: desiredReason(config, { enabled, live }),
  };
}

function desiredReason(
  config: { revision: number; broker_host: string | null },
  { enabled, live }: { enabled: boolean; live: LiveReport[] },
): string | null {
  if (!enabled) return 'The product is disabled.';
  if (config.broker_host === null) return 'No broker is configured.';
  const rejecting = live.find(({ report }) => report.rejected_revision?.revision === config.revision)?.report;
  if (!rejecting) return null;
  return `"${rejecting.instance_id}" cannot apply revision ${config.revision}: ${rejecting.rejected_revision?.reason}`;
}

export function presentLive(sum: ProductState, live: LiveReport[]): LiveView {
  const working = live.filter(({ report }) => report.state !== 'standby');
  const of = (...states: StatusReport['state'][]) => live.filter(({ report }) => states.includes(report.state)).length;
  const since = working.map(({ report }) => report.state_since).sort();
  return {
    state: sum.state,
    // The sum holds since the last of them changed.
    since: since.at(-1) ?? null,
    reason: sum.reason,
    connected_instances: of('connected', 'degraded'),
    standby_instances: of('standby'),
    live_instances: live.length,
  };
}

export function presentSubscribed({ subscribed, topic_filters }: StatusReport): SubscribedView {
  return {
    wanted: subscribed.wanted,
    granted: subscribed.granted,
    refused: topic_filters.flatMap(({ topic_filter, refused }) =>
      refused === null ? [] : [{ topic_filter, reason: refused }],
    ),
    lowered_qos: topic_filters.flatMap(({ topic_filter, requested_qos, granted_qos }) =>
      granted_qos !== null && granted_qos < requested_qos ? [{ topic_filter, requested_qos, granted_qos }] : [],
    ),
  };
}

export function presentBrokers({ brokers = [] }: StatusReport): BrokerStatusView[] {
  return brokers.map(({ name, host, port, state, state_since, reason, reason_code, advice, subscribed, recovery }) => ({
    ...{ name, host, port, state, since: state_since, reason, reason_code, advice },
    granted: subscribed.granted,
    wanted: subscribed.wanted,
    next_try_at: recovery?.next_try_at ?? null,
  }));
}

export function presentRecovery(report: StatusReport): RecoveryView | null {
  if (report.recovery === null || report.state === 'stopped') return null;
  return {
    instance_id: report.instance_id,
    attempt: report.recovery.attempt,
    next_try_at: report.recovery.next_try_at,
    since: report.disconnected_at ?? report.state_since,
    reason: report.reason,
    gives_up: 'never',
  };
}

export function presentProbe({ probe, instance_id }: StatusReport, now: Date): ProbeView | null {
  if (!probe) return null;
  const { interval_s, ...told } = probe;
  return {
    ...told,
    instance_id,
    age_ms: probe.last_received_at === null ? null : Math.max(0, now.getTime() - Date.parse(probe.last_received_at)),
  };
}

/** The one that is worst off speaks. */
export function worstProbe(probes: ProbeView[]): ProbeView | null {
  const order: ProbeView['state'][] = ['lost', 'waiting', 'ok'];
  return [...probes].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0] ?? null;
}

export function presentFlow(
  live: LiveReport[],
  { rates, last_message_at }: { rates: MessageRates; last_message_at: Date | null },
): FlowView {
  const reports = live.map(({ report }) => report);
  const sum = (of: (report: StatusReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const highest = (of: (report: StatusReport) => number | null): number | null => {
    const known = reports.map(of).filter((value) => value !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  const waiting = sum(({ counters }) => counters.deliveries_queued - counters.deliveries_taken);
  return {
    last_message_at: last_message_at?.toISOString() ?? null,
    ...rates,
    acknowledgement_age_ms: highest((report) => report.oldest_unacknowledged_ms),
    // One queue for the product: every instance tells of the same.
    queue_depth: highest((report) => report.queue_depth),
    oldest_queued_ms: highest((report) => report.oldest_queued_ms),
    counters: {
      messages_received: sum(({ counters }) => counters.messages_received),
      matched: sum(({ counters }) => counters.messages_matched),
      unmatched: sum(({ counters }) => counters.messages_unmatched),
      // What was taken beyond what was left to the queue had begun elsewhere, or in an earlier life.
      deliveries: sum(({ counters }) => counters.deliveries_started) + Math.max(0, -waiting),
      succeeded: sum(({ counters }) => counters.deliveries_succeeded),
      failed: sum(({ counters }) => counters.deliveries_failed),
      in_flight: sum(({ in_flight }) => in_flight),
      queued: Math.max(0, waiting),
      dead: sum(({ counters }) => counters.deliveries_dead),
    },
  };
}

export function presentWarnings(live: LiveReport[]): WarningView[] {
  return live.flatMap(({ report, received_at, last_heartbeat_at }) => {
    const own = report.warnings.map(({ code, message }) => ({ code, message, instance_id: report.instance_id }));
    const skew_s = Math.round((Date.parse(report.reported_at) - (received_at ?? last_heartbeat_at).getTime()) / 1000);
    if (Math.abs(skew_s) <= TOLERATED_SKEW_S) return own;
    const direction = skew_s > 0 ? 'ahead of' : 'behind';
    return [
      ...own,
      {
        code: 'CLOCK_SKEW',
        message: `The clock of "${report.hostname}" is ${Math.abs(skew_s)} s ${direction} that of the orchestrator: check time synchronisation on both.`,
        instance_id: report.instance_id,
      },
    ];
  });
}
