import { DEFAULT_RULES } from '@cortex-mqtt/alerting';
import type { DataSource, EntityManager } from 'typeorm';
import type { RuleStatesView } from './alert-rule.dto';
import { AlertRuleEntity } from '../model/alert-rule.entity';

export async function ruleStates(manager: EntityManager, ids: readonly number[]): Promise<Map<number, RuleStatesView>> {
  const rows = await manager.query<(RuleStatesView & { rule_id: number })[]>(
    `SELECT rule_id, (count(*) FILTER (WHERE state = 'firing'))::int AS firing, (count(*) FILTER (WHERE state = 'pending'))::int AS pending,
       (count(*) FILTER (WHERE state = 'recovering'))::int AS recovering, (count(*) FILTER (WHERE state = 'no_data'))::int AS no_data
     FROM alert_states WHERE rule_id = ANY($1::int[]) GROUP BY rule_id`,
    [ids],
  );
  return new Map(rows.map(({ rule_id, ...states }) => [rule_id, states]));
}

export async function productOfSubscription(manager: EntityManager, id: number): Promise<number | null> {
  const [row] = await manager.query<{ product_id: number }[]>(
    'SELECT c.product_id FROM mqtt_subscriptions s JOIN mqtt_configs c ON c.id = s.mqtt_config_id WHERE s.id = $1',
    [id],
  );
  return row?.product_id ?? null;
}

/** Makes the rules that every installation begins with, once: what a person deletes stays deleted. */
export async function ensureDefaultRules(dataSource: DataSource): Promise<void> {
  await dataSource.transaction(async (manager) => {
    const [settings] = await manager.query<{ defaults_made: boolean }[]>(
      'SELECT defaults_made FROM alert_settings WHERE id = 1 FOR UPDATE',
    );
    if (settings?.defaults_made !== false) return;
    await manager.insert(
      AlertRuleEntity,
      DEFAULT_RULES.map((rule) => ({ ...rule, all_products: true, severity_steps: rule.severity_steps as never })),
    );
    await manager.query('UPDATE alert_settings SET defaults_made = true WHERE id = 1');
  });
}
