import { emptyCounters, type StatusReport } from '@cortex-mqtt/contracts';

type Json = Record<string, unknown>;

const MAX_WARNINGS = 100;

/**
 * A report as it came, without the figures that can't be true: one bad figure must never silence a heartbeat. Each is
 * replaced by what says nothing (zero, unknown) and named in the report's warnings; everything else is left as it is,
 * faults of its own included. A bad counter is left out, so that the one of the report before stays.
 */
export function withoutBadFigures(body: unknown): unknown {
  if (!isObject(body)) return body;
  const dropped: string[] = [];
  const drop = (path: string, value: unknown): void => {
    dropped.push(`${path} (${short(value)})`);
  };
  const report: Json = { ...body };
  if ('in_flight' in report && !isCount(report.in_flight)) {
    drop('in_flight', report.in_flight);
    report.in_flight = 0;
  }
  for (const name of ['queue_depth', 'oldest_unacknowledged_ms', 'oldest_queued_ms']) {
    const value = report[name];
    if (value === undefined || value === null || isAmount(value)) continue;
    drop(name, value);
    report[name] = null;
  }
  if (isObject(report.latency_ms) && !Object.values(report.latency_ms).every(isAmount)) {
    drop('latency_ms', report.latency_ms);
    report.latency_ms = null;
  }
  if (isObject(report.counters)) report.counters = goodCounters(report.counters, drop);
  if (isObject(report.delta) && Array.isArray(report.delta.subscriptions)) {
    const subscriptions = report.delta.subscriptions.map((item: unknown, index) =>
      isObject(item) ? goodDelta(item, `delta.subscriptions[${index}]`, drop) : item,
    );
    report.delta = { ...report.delta, subscriptions };
  }
  if (dropped.length > 0 && Array.isArray(report.warnings)) {
    const message = `The listener reported figures that can't be true: ${dropped.slice(0, 10).join(', ')}. They are left out; everything else is taken.`;
    report.warnings = [{ code: 'FIGURE_DROPPED', message }, ...report.warnings].slice(0, MAX_WARNINGS);
  }
  return report;
}

/** Puts the counters of the report before in the place of those that were left out. */
export function withKnownCounters(report: StatusReport, previous: StatusReport | null): StatusReport {
  const names = Object.keys(emptyCounters()) as (keyof StatusReport['counters'])[];
  if (names.every((name) => report.counters[name] !== undefined)) return report;
  const counters = { ...report.counters };
  for (const name of names) counters[name] ??= previous?.counters[name] ?? 0;
  return { ...report, counters };
}

function goodCounters(counters: Json, drop: (path: string, value: unknown) => void): Json {
  const good = countedBySuccess(counters);
  for (const name of Object.keys(emptyCounters())) {
    if (good[name] === undefined || isCount(good[name])) continue;
    drop(`counters.${name}`, good[name]);
    delete good[name];
  }
  return good;
}

function goodDelta(item: Json, path: string, drop: (path: string, value: unknown) => void): Json {
  const good = countedBySuccess(item);
  for (const name of ['messages_received', 'actions_attempted', 'actions_executed', 'actions_failed']) {
    if (good[name] === undefined || isCount(good[name])) continue;
    drop(`${path}.${name}`, good[name]);
    good[name] = 0;
  }
  return good;
}

/** Listeners that don't count attempts yet have the failed ones among the executed ones. */
function countedBySuccess(counters: Json): Json {
  const { actions_attempted, actions_executed, actions_failed } = counters;
  if (actions_attempted !== undefined || !isCount(actions_executed) || !isCount(actions_failed)) return { ...counters };
  const succeeded = Math.max(0, actions_executed - actions_failed);
  return { ...counters, actions_attempted: actions_executed, actions_executed: succeeded };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isAmount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const short = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);
