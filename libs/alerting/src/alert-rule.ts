import type { RuleKind } from './rule-kinds';

/** Weakest first. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const worstSeverity = (severities: readonly Severity[]): Severity =>
  SEVERITIES[Math.max(0, ...severities.map((severity) => SEVERITIES.indexOf(severity)))] as Severity;

/** From `threshold` on the severity is another one. */
export interface SeverityStep {
  threshold: number;
  severity: Severity;
}

/** When a silence counts. Days are 0 (Sunday) to 6; times are `HH:MM` in `timezone`. */
export interface ActiveHours {
  days: number[];
  from: string;
  to: string;
  timezone: string;
}

/** What of a rule decides over one series of values. */
export interface RuleLimits {
  kind: RuleKind;
  /** Beyond it the rule opens; in the unit of its kind. */
  threshold: number;
  /** Back at it or better the rule closes; null = `threshold`. */
  resolve_threshold: number | null;
  /** Seconds that the breach has to last before it fires. */
  for_s: number;
  /** Seconds that it has to be over before it resolves. */
  keep_firing_for_s: number;
  severity: Severity;
  severity_steps: SeverityStep[];
  /** Whether a value that is not known counts as a breach. */
  no_data: 'ignore' | 'fire';
}

export interface AlertRule extends RuleLimits {
  id: number;
  name: string;
  enabled: boolean;
  all_products: boolean;
  product_ids: number[];
  /** Only this subscription; null = what the kind looks at in the whole product. */
  subscription_id: number | null;
  /** Seconds that rates, shares and growth are measured over. */
  window_s: number;
  /** Below this many deliveries in the window a share says nothing. */
  min_count: number;
  /** Silence: a named level of the topic, such as `device`; each of its values has to speak. null = the whole. */
  topic_parameter: string | null;
  /** Silence: the limit is this many times the usual gap, and at least `threshold` seconds; null = `threshold`. */
  usual_gap_factor: number | null;
  /** Silence: null = always. */
  active_hours: ActiveHours | null;
  runbook_url: string | null;
  labels: Record<string, string>;
  /** Channels that are told; empty = each whose routes match. */
  channel_ids: number[];
}

/** Whether the rule looks at a product. Disabled products are never looked at. */
export function covers(rule: Pick<AlertRule, 'all_products' | 'product_ids'>, product_id: number): boolean {
  return rule.all_products || rule.product_ids.includes(product_id);
}
