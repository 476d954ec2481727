import type { RuleLimits, Severity } from './alert-rule';
import { isBeyond } from './rule-kinds';

export const ALERT_STATES = ['resolved', 'pending', 'firing', 'recovering', 'no_data'] as const;
/** `resolved` is also the state of what has never fired. */
export type AlertStateName = (typeof ALERT_STATES)[number];

/** Where one series of a rule stands. Times are milliseconds since the epoch. */
export interface AlertState {
  state: AlertStateName;
  /** Since when `state` holds. */
  since_ms: number;
  /** Since when the breach lasts that fires now; null while nothing fires. */
  fired_at_ms: number | null;
  value: number | null;
  severity: Severity;
}

export const isActive = ({ state }: Pick<AlertState, 'state'>): boolean => state === 'firing' || state === 'recovering';

/**
 * One step of the state machine of a series (after Prometheus' alerting rules, with a state of its own for what is not
 * known): a breach is pending for `for_s`, fires, and resolves once it has been over for `keep_firing_for_s`. Two thresholds
 * keep a value near one of them from flapping.
 */
export function nextState(
  limits: RuleLimits,
  previous: AlertState | null,
  value: number | null,
  now_ms: number,
): AlertState {
  const before = previous ?? {
    state: 'resolved',
    since_ms: now_ms,
    fired_at_ms: null,
    value: null,
    severity: limits.severity,
  };
  const is_breach = value === null ? limits.no_data === 'fire' : isBeyond(limits.kind, value, limits.threshold);
  const is_clear = value !== null && !isBeyond(limits.kind, value, limits.resolve_threshold ?? limits.threshold);
  const severity = severityOf(limits, value);
  const become = (state: AlertStateName, fired_at_ms: number | null): AlertState => ({
    state,
    since_ms: before.state === state ? before.since_ms : now_ms,
    fired_at_ms,
    value,
    severity,
  });

  switch (before.state) {
    case 'firing':
      if (!is_clear) return { ...become('firing', before.fired_at_ms), ...keepSeverity(before, value, severity) };
      return limits.keep_firing_for_s === 0
        ? become('resolved', null)
        : { ...become('recovering', before.fired_at_ms), severity: before.severity };
    case 'recovering':
      if (!is_clear) return { ...become('firing', before.fired_at_ms), ...keepSeverity(before, value, severity) };
      return now_ms - before.since_ms >= limits.keep_firing_for_s * 1000
        ? become('resolved', null)
        : { ...become('recovering', before.fired_at_ms), severity: before.severity };
    case 'pending':
    case 'resolved':
    case 'no_data': {
      if (!is_breach) return become(value === null ? 'no_data' : 'resolved', null);
      const began_ms = before.state === 'pending' ? before.since_ms : now_ms;
      if (now_ms - began_ms < limits.for_s * 1000) return become('pending', null);
      return become('firing', began_ms);
    }
    default:
      return before.state satisfies never;
  }
}

/** What is not known says nothing about how bad it is. */
function keepSeverity(before: AlertState, value: number | null, severity: Severity): { severity: Severity } {
  return { severity: value === null ? before.severity : severity };
}

function severityOf({ kind, severity, severity_steps }: RuleLimits, value: number | null): Severity {
  if (value === null) return severity;
  const reached = severity_steps.filter(({ threshold }) => isBeyond(kind, value, threshold));
  // The step furthest out that is reached speaks.
  const furthest = reached.sort((a, b) => (isBeyond(kind, a.threshold, b.threshold) ? -1 : 1))[0];
  return furthest?.severity ?? severity;
}
