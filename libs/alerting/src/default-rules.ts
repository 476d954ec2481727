import type { Severity, SeverityStep } from './alert-rule';
import { KIND_INFO, type RuleKind } from './rule-kinds';

export interface DefaultRule {
  name: string;
  kind: RuleKind;
  threshold: number;
  window_s: number;
  min_count: number;
  for_s: number;
  keep_firing_for_s: number;
  severity: Severity;
  severity_steps: SeverityStep[];
}

const rule = (kind: RuleKind, severity: Severity, more: Partial<DefaultRule> = {}): DefaultRule => ({
  name: KIND_INFO[kind].title,
  kind,
  threshold: KIND_INFO[kind].threshold,
  window_s: KIND_INFO[kind].window_s,
  min_count: 0,
  for_s: 60,
  keep_firing_for_s: 300,
  severity,
  severity_steps: [],
  ...more,
});

/** What is watched from the first start. Silence is left out: what is usual differs from product to product. */
export const DEFAULT_RULES: readonly DefaultRule[] = [
  rule('not_connected', 'critical', { for_s: 30 }),
  rule('not_resumed', 'critical'),
  rule('flapping', 'warning', { for_s: 0, keep_firing_for_s: 900 }),
  rule('probe_lost', 'critical'),
  rule('failure_rate', 'warning', { min_count: 20, severity_steps: [{ threshold: 0.5, severity: 'critical' }] }),
  rule('dead_letters', 'warning', { for_s: 0 }),
  rule('queue_age', 'warning'),
  rule('acknowledgement_age', 'critical'),
  rule('latency_p95', 'warning', { for_s: 300 }),
  rule('destination_down', 'warning', { for_s: 30 }),
  rule('certificate_expiry', 'warning', { for_s: 0, severity_steps: [{ threshold: 3, severity: 'critical' }] }),
  rule('revision_drift', 'warning', { for_s: 120 }),
  rule('session_lost', 'warning', { for_s: 0 }),
  rule('broker_drops_messages', 'critical', { for_s: 0 }),
];
