import {
  type DestinationReport,
  emptyCounters,
  type InstanceCounters,
  MAX_REPORTED_DESTINATIONS,
  type StatusReport,
} from '@cortex-mqtt/contracts';

/** What says how an instance is: it changes seldom, and a change of it is taken in with everything that follows from it. */
const FACTS = [
  'instance_id',
  'boot_id',
  'version',
  'hostname',
  'pid',
  'started_at',
  'state',
  'state_since',
  'reason',
  'reason_code',
  'advice',
  'config_source',
  'applied_revision',
  'applied_revision_key',
  'applied_reconnect_generation',
  'rejected_revision',
  'broker',
  'brokers',
  'broker_info',
  'client_id',
  'connected_at',
  'disconnected_at',
  'recovery',
  'subscribed',
  'topic_filters',
  'warnings',
  'silent',
] as const satisfies (keyof StatusReport)[];

/** What only the newest value of counts. `probe` is both: its state is a fact, its times are not. */
const GAUGES = [
  'oldest_unacknowledged_ms',
  'in_flight',
  'queue_depth',
  'oldest_queued_ms',
  'probe',
  'last_message_at',
  'latency_ms',
  'counters',
  'destinations',
] as const satisfies (keyof StatusReport)[];

/** The compiler says here when a report has a field that is neither: it would never be taken in quickly. */
type Unsorted = Exclude<
  keyof StatusReport,
  (typeof FACTS)[number] | (typeof GAUGES)[number] | 'sequence' | 'reported_at' | 'delta' | 'is_leaving'
>;
void (true satisfies [Unsorted] extends [never] ? true : Unsorted);

const KNOWN: ReadonlySet<string> = new Set([...FACTS, ...GAUGES, 'sequence', 'reported_at', 'delta']);
const COUNTERS = Object.keys(emptyCounters()) as (keyof InstanceCounters)[];

function factsOf(report: StatusReport): unknown[] {
  const { probe } = report;
  const probe_facts = probe && [probe.topic, probe.interval_s, probe.state, probe.since, probe.reason];
  return [...FACTS.map((name) => report[name] ?? null), probe_facts];
}

/** Equal for two reports of one process that say the same but for gauges. */
export function factsText(report: StatusReport): string {
  return JSON.stringify(factsOf(report));
}

/** Equal also when one of the two has been in the database, which orders keys in its own way. */
export function canonicalFacts(report: StatusReport): string {
  return JSON.stringify(ordered(factsOf(report)));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, ordered(item)]),
  );
}

/** Equal when nothing was counted and no gauge has moved. */
export function gaugesText(report: StatusReport): string {
  const { counters, probe, latency_ms, destinations } = report;
  return JSON.stringify([
    GAUGES.map((name) => (typeof report[name] === 'object' ? null : (report[name] ?? null))),
    COUNTERS.map((name) => counters[name]),
    probe && [probe.last_sent_at, probe.last_received_at, probe.round_trip_ms],
    latency_ms && [latency_ms.p50, latency_ms.p95, latency_ms.p99, latency_ms.count],
    destinations ?? null,
  ]);
}

/** The part of the stored report that changes while its facts stay: merged over them. */
export function volatilePart(report: StatusReport): string {
  const { sequence, reported_at, delta } = report;
  return JSON.stringify({
    ...Object.fromEntries(GAUGES.flatMap((name) => (report[name] === undefined ? [] : [[name, report[name]]]))),
    sequence,
    reported_at,
    delta: { sequence: delta.sequence, subscriptions: [], events: [] },
  });
}

/**
 * Whether a report is in shape as far as its facts don't say: these are compared with facts that were validated when they were
 * stored. Whatever is not goes through the whole validation, which names the faults.
 */
export function isPlausible(body: unknown): body is StatusReport {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return false;
  for (const key of Object.keys(body)) if (!KNOWN.has(key)) return false;
  const report = body as Partial<Record<keyof StatusReport, unknown>>;
  return (
    isCount(report.sequence) &&
    isTime(report.reported_at) &&
    typeof report.instance_id === 'string' &&
    typeof report.boot_id === 'string' &&
    isCount(report.in_flight) &&
    isNumberOrAbsent(report.oldest_unacknowledged_ms) &&
    isNumberOrAbsent(report.oldest_queued_ms) &&
    (report.queue_depth == null || isCount(report.queue_depth)) &&
    (report.last_message_at == null || isTime(report.last_message_at)) &&
    isProbe(report.probe) &&
    isLatency(report.latency_ms) &&
    areCounters(report.counters) &&
    areDestinations(report.destinations) &&
    isDeltaOfCounters(report.delta)
  );
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isNumberOrAbsent = (value: unknown): boolean => value == null || isNumber(value);
function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 4_000;
}
function isTimeOrNull(value: unknown): boolean {
  return value === null || isTime(value);
}
const isTime = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value) &&
  !Number.isNaN(Date.parse(value));

function isProbe(value: unknown): boolean {
  if (value == null) return true;
  if (typeof value !== 'object' || Array.isArray(value) || Object.keys(value).length > 8) return false;
  const { last_sent_at, last_received_at, round_trip_ms } = value as Record<string, unknown>;
  const times = [last_sent_at, last_received_at];
  return times.every((time) => time == null || isTime(time)) && isNumberOrAbsent(round_trip_ms);
}

function isLatency(value: unknown): boolean {
  if (value == null) return true;
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  const { p50, p95, p99, count, ...rest } = value as Record<string, unknown>;
  return [p50, p95, p99, count].every(isNumber) && Object.keys(rest).length === 0;
}

function areCounters(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const counters = value as Record<string, unknown>;
  return Object.keys(counters).length === COUNTERS.length && COUNTERS.every((name) => isCount(counters[name]));
}

const DESTINATION: Record<keyof DestinationReport, (value: unknown) => boolean> = {
  id: isText,
  action_type: isText,
  name: isText,
  breaker: (value) => value === 'closed' || value === 'open' || value === 'half_open',
  next_try_at: isTimeOrNull,
  window_s: isNumber,
  attempts: isCount,
  failed: isCount,
  latency_ms: (value) => value === null || isLatency({ ...(value as object), count: 0 }),
  last_succeeded_at: isTimeOrNull,
  last_failed_at: isTimeOrNull,
  last_error: (value) => value === null || isText(value),
  failures: (value) =>
    Array.isArray(value) && value.length <= 5 && value.every((one) => isText(one?.reason) && isCount(one?.count)),
  subscription_ids: (value) => Array.isArray(value) && value.length <= 20 && value.every(isCount),
};

function areDestinations(value: unknown): boolean {
  if (value === undefined) return true;
  if (!Array.isArray(value) || value.length > MAX_REPORTED_DESTINATIONS) return false;
  return value.every((item: unknown) => {
    if (typeof item !== 'object' || item === null) return false;
    const destination = item as Record<string, unknown>;
    const names = Object.keys(DESTINATION) as (keyof DestinationReport)[];
    return (
      Object.keys(destination).length === names.length && names.every((name) => DESTINATION[name](destination[name]))
    );
  });
}

/** Events change more than counters, so they take the full path. */
function isDeltaOfCounters(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { sequence, subscriptions, events, ...rest } = value as Record<string, unknown>;
  if (!isCount(sequence) || !Array.isArray(events) || events.length > 0 || Object.keys(rest).length > 0) return false;
  if (!Array.isArray(subscriptions) || subscriptions.length > 20_000) return false;
  return subscriptions.every((item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
    const {
      subscription_id,
      messages_received,
      actions_attempted,
      actions_executed,
      actions_failed,
      last_message_at,
      ...more
    } = item as Record<string, unknown>;
    return (
      isCount(subscription_id) &&
      (subscription_id as number) <= 2_147_483_647 &&
      [messages_received, actions_attempted, actions_executed, actions_failed].every(isCount) &&
      (last_message_at == null || isTime(last_message_at)) &&
      Object.keys(more).length === 0
    );
  });
}
