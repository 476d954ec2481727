import type { AlertRule, ChannelRoute, MaintenanceWindow } from '@cortex-mqtt/alerting';
import type { DataSource, EntityManager } from 'typeorm';
import { AlertChannelEntity } from './alert-channel.entity';
import { AlertRuleEntity } from './alert-rule.entity';
import { MaintenanceWindowEntity } from './maintenance-window.entity';

export async function loadRules(dataSource: DataSource): Promise<AlertRule[]> {
  return dataSource.manager.find(AlertRuleEntity, { where: { enabled: true }, order: { id: 'ASC' } });
}

/** A channel as far as it decides whether and when it is told. */
export type NotifiedChannel = ChannelRoute &
  Pick<AlertChannelEntity, 'name' | 'send_resolved' | 'reminder_every_s' | 'escalate_after_s'>;

export async function loadChannels(dataSource: DataSource): Promise<NotifiedChannel[]> {
  return dataSource.manager.find(AlertChannelEntity, { where: { enabled: true }, order: { id: 'ASC' } });
}

export async function loadWindows(dataSource: DataSource): Promise<MaintenanceWindow[]> {
  const rows = await dataSource.manager.find(MaintenanceWindowEntity, { order: { id: 'ASC' } });
  return rows.map(maintenanceWindow);
}

export function maintenanceWindow(row: MaintenanceWindowEntity): MaintenanceWindow {
  const { id, all_products, product_ids } = row;
  const products = { id, all_products, product_ids };
  if (row.repeats === 'once') {
    return {
      ...products,
      repeats: 'once',
      starts_at_ms: row.starts_at?.getTime() ?? 0,
      ends_at_ms: row.ends_at?.getTime() ?? 0,
    };
  }
  const { days, from_time, to_time, timezone } = row;
  return { ...products, repeats: 'weekly', days, from: from_time ?? '00:00', to: to_time ?? '24:00', timezone };
}

/** Ends members that no state stands behind any more, because their rule was deleted while nobody evaluated. */
export async function endOrphans(manager: EntityManager, now: Date): Promise<void> {
  await manager.query(
    `UPDATE alert_incident_members m SET ended_at = $1
     WHERE m.ended_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM alert_states s WHERE s.rule_id = m.rule_id AND s.product_id = m.product_id AND s.series = m.series
         AND s.state IN ('firing', 'recovering'))`,
    [now],
  );
}
