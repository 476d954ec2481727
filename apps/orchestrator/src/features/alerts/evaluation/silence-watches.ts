import { covers } from '@cortex-mqtt/alerting';
import type { SilenceWatch } from '@cortex-mqtt/contracts';
import type { EntityManager } from 'typeorm';
import { AlertRuleEntity } from '../model/alert-rule.entity';

/** Every report of every listener asks; the rules are read once for all that come within this time. */
const MAX_AGE_MS = 2_000;

/** What listeners watch for silence, of the rules as they are. */
export class SilenceWatches {
  private rules: Promise<AlertRuleEntity[]> = Promise.resolve([]);
  private read_at_ms = Number.NEGATIVE_INFINITY;

  async of(
    manager: EntityManager,
    product_id: number,
    { is_first_report }: { is_first_report: boolean },
  ): Promise<SilenceWatch[]> {
    const rules = (await this.enabledRules(manager)).filter((rule) => covers(rule, product_id));
    if (rules.length === 0) return [];
    const heard = is_first_report
      ? await lastHeard(manager, product_id, rules)
      : new Map<number, Record<string, number>>();
    return rules.map((rule) => ({
      rule_id: rule.id,
      subscription_id: rule.subscription_id,
      parameter: rule.topic_parameter,
      limit_s: rule.threshold,
      usual_gap_factor: rule.usual_gap_factor,
      last_heard_ms: heard.get(rule.id) ?? {},
    }));
  }

  /** Those who ask while they are read wait for the same answer. */
  private enabledRules(manager: EntityManager): Promise<AlertRuleEntity[]> {
    if (performance.now() - this.read_at_ms > MAX_AGE_MS) {
      this.read_at_ms = performance.now();
      this.rules = manager.find(AlertRuleEntity, { where: { kind: 'silence', enabled: true }, order: { id: 'ASC' } });
      this.rules.catch(() => {
        this.read_at_ms = Number.NEGATIVE_INFINITY;
      });
    }
    return this.rules;
  }
}

/** A listener that starts knows nothing: when its subscriptions were heard last, and which series are silent already. */
async function lastHeard(
  manager: EntityManager,
  product_id: number,
  rules: readonly AlertRuleEntity[],
): Promise<Map<number, Record<string, number>>> {
  const subscriptions = await manager.query<{ id: number; last_message_at: Date | null }[]>(
    `SELECT s.id, s.last_message_at FROM mqtt_subscriptions s JOIN mqtt_configs c ON c.id = s.mqtt_config_id
     WHERE c.product_id = $1`,
    [product_id],
  );
  const silent = await manager.query<{ rule_id: number; series: string; fired_at: Date }[]>(
    `SELECT rule_id, series, fired_at FROM alert_states
     WHERE product_id = $1 AND rule_id = ANY($2::int[]) AND fired_at IS NOT NULL ORDER BY fired_at LIMIT 10000`,
    [product_id, rules.map(({ id }) => id)],
  );
  const heard = new Map<number, Record<string, number>>();
  for (const rule of rules) {
    const known: Record<string, number> = {};
    const times = subscriptions
      .filter(({ id }) => rule.subscription_id === null || id === rule.subscription_id)
      .flatMap(({ last_message_at }) => last_message_at?.getTime() ?? []);
    if (rule.topic_parameter === null && times.length > 0) known[''] = Math.max(...times);
    for (const { series, fired_at } of silent.filter(({ rule_id }) => rule_id === rule.id)) {
      known[series] ??= fired_at.getTime() - rule.threshold * 1000;
    }
    heard.set(rule.id, known);
  }
  return heard;
}
