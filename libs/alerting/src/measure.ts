import { type AlertRule, covers } from './alert-rule';
import { isActiveAt } from './active-hours';
import type { ProductFacts, Traffic } from './product-facts';
import { KIND_INFO } from './rule-kinds';
import { formatDuration } from './wording';

/** One series of a rule at one moment. */
export interface Sample {
  /** Tells the series of a product apart; empty where there is one. */
  key: string;
  /** null = not known. */
  value: number | null;
  /** What is wrong, in words; null when nothing more is known than the value. */
  detail: string | null;
  /** What it shares with other products; null = it is the product's own. */
  cause: string | null;
}

/** A sample for every series of a rule in a product, or `inhibited` while its cause is known and told by another rule. */
export function measure(
  rule: AlertRule,
  facts: ProductFacts,
  traffic: Traffic,
  now_ms: number,
): Sample[] | 'inhibited' {
  if (!covers(rule, facts.product_id)) return [];
  if (KIND_INFO[rule.kind].needs_connection && !facts.connection.connected) return 'inhibited';
  switch (rule.kind) {
    case 'silence':
      return silences(rule, facts, now_ms);
    case 'destination_down':
      return facts.destinations.map(({ id, name, is_down, reason }) => ({
        key: id,
        value: Number(is_down),
        detail: reason === null ? name : `${name}: ${reason}`,
        cause: `destination:${name}`,
      }));
    default:
      return [{ key: '', ...measureOne(rule.kind, rule, facts, traffic) }];
  }
}

function measureOne(
  kind: Exclude<AlertRule['kind'], 'silence' | 'destination_down'>,
  rule: AlertRule,
  facts: ProductFacts,
  traffic: Traffic,
): Omit<Sample, 'key'> {
  const { connection } = facts;
  const of = (value: number | null, detail: string | null = null, cause: string | null = null) => ({
    value,
    detail,
    cause,
  });
  switch (kind) {
    case 'not_connected':
      if (!connection.was_seen && connection.broker === null) return of(null, 'No broker is configured yet.');
      return of(Number(!connection.connected), connection.reason, causeOf(facts));
    case 'not_resumed':
      return of(
        Number(connection.granted < connection.wanted),
        `The broker has granted ${connection.granted} of ${connection.wanted} topic filters.`,
        connection.broker && `filters:${connection.broker}`,
      );
    case 'flapping':
      return of(
        traffic.disconnections,
        `${traffic.disconnections} disconnections.`,
        connection.broker && `broker:${connection.broker}`,
      );
    case 'probe_lost':
      return of(
        connection.probe === null ? null : Number(connection.probe === 'lost'),
        connection.probe_reason,
        connection.broker && `probe:${connection.broker}`,
      );
    case 'failure_rate':
      if (traffic.attempts < Math.max(1, rule.min_count)) return of(0);
      return of(traffic.failed / traffic.attempts, `${traffic.failed} of ${traffic.attempts} attempts failed.`);
    case 'dead_letters':
      return of(facts.dead_letters);
    case 'dead_letters_growing':
      return of(traffic.dead);
    case 'queue_age':
      if (facts.queue_depth === null) return of(null);
      return of((facts.oldest_queued_ms ?? 0) / 1000);
    case 'queue_depth':
      return of(facts.queue_depth);
    case 'acknowledgement_age':
      return of((facts.oldest_unacknowledged_ms ?? 0) / 1000);
    case 'latency_p95':
      return of(traffic.latency_p95_ms);
    case 'latency_p99':
      return of(traffic.latency_p99_ms);
    case 'certificate_expiry':
      return of(
        facts.certificate?.days_left ?? null,
        facts.certificate?.subject ?? null,
        connection.broker && `certificate:${connection.broker}`,
      );
    case 'revision_drift': {
      if (facts.applied_revision === null) return of(null);
      const { desired_revision, applied_revision, rejected_reason } = facts;
      const detail = `Revision ${desired_revision} is saved, ${applied_revision} runs.${rejected_reason ? ` ${rejected_reason}` : ''}`;
      return of(Number(applied_revision !== desired_revision), detail);
    }
    case 'session_lost':
      return of(traffic.sessions_lost, null, connection.broker && `session:${connection.broker}`);
    case 'broker_drops_messages': {
      const warning = facts.warnings.find(({ code }) => code === 'BROKER_DROPS_MESSAGES');
      return of(
        Number(warning !== undefined),
        warning?.message ?? null,
        connection.broker && `drops:${connection.broker}`,
      );
    }
    case 'archive_gap':
      return of(
        traffic.archive_gaps,
        traffic.archive_gaps ? `${traffic.archive_gaps} messages are missing from the archive.` : null,
      );
    default:
      return kind satisfies never;
  }
}

/** One broker, or one machine with listeners, that is down for many products is one cause. */
function causeOf({ connection, product_id }: ProductFacts): string {
  switch (connection.state) {
    case 'stale':
      return connection.listener_host === null ? `listener:${product_id}` : `listener-host:${connection.listener_host}`;
    case 'no_listener':
      return `listener:${product_id}`;
    default:
      return `broker:${connection.broker ?? product_id}`;
  }
}

/** Listeners count where the messages are, and name the series that are silent now. */
function silences(rule: AlertRule, facts: ProductFacts, now_ms: number): Sample[] {
  if (rule.active_hours !== null && !isActiveAt(rule.active_hours, now_ms)) return [];
  const silent = facts.silent.filter(({ rule_id }) => rule_id === rule.id);
  if (silent.length === 0 && rule.topic_parameter === null) return [{ key: '', value: 0, detail: null, cause: null }];
  return silent.map(({ key, last_message_at_ms, limit_s }) => ({
    key,
    value: Math.max(0, now_ms - last_message_at_ms) / 1000,
    detail: `Nothing${key === '' ? '' : ` from ${rule.topic_parameter} "${key}"`} since ${utc(last_message_at_ms)}; the limit is ${formatDuration(limit_s)}.`,
    cause: null,
  }));
}

const utc = (at_ms: number): string =>
  new Date(at_ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z/, ' UTC');
