import type { AlertRule } from '../alert-rule';

export function buildRule(overrides: Partial<AlertRule> = {}): AlertRule {
  return {
    id: 1,
    name: 'Not connected',
    kind: 'not_connected',
    enabled: true,
    all_products: true,
    product_ids: [],
    subscription_id: null,
    threshold: 0,
    resolve_threshold: null,
    window_s: 300,
    min_count: 0,
    for_s: 30,
    keep_firing_for_s: 60,
    severity: 'warning',
    severity_steps: [],
    no_data: 'ignore',
    topic_parameter: null,
    usual_gap_factor: null,
    active_hours: null,
    runbook_url: null,
    labels: {},
    channel_ids: [],
    ...overrides,
  };
}
