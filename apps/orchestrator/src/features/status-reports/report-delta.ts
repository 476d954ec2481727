import type { ConnectionEvent, StatusReport } from '@cortex-mqtt/contracts';
import type { EntityManager } from 'typeorm';
import { recordAudit } from '../audit/audit-trail';
import { ConnectionEventEntity } from '../connection-history/connection-event.entity';

/** What arrived and ran since the delta before, added to the subscriptions it names. */
export async function addSubscriptionCounters(
  manager: EntityManager,
  config_id: number,
  report: StatusReport,
): Promise<void> {
  const items = report.delta.subscriptions;
  if (items.length === 0) return;
  await manager.query(
    `UPDATE mqtt_subscriptions s SET
       messages_received = s.messages_received + d.messages_received,
       actions_executed = s.actions_executed + d.actions_executed,
       actions_failed = s.actions_failed + d.actions_failed,
       last_message_at = greatest(s.last_message_at, d.last_message_at)
     FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
       AS d(id, messages_received, actions_executed, actions_failed, last_message_at)
     WHERE s.id = d.id AND s.mqtt_config_id = $1`,
    [
      config_id,
      items.map((item) => item.subscription_id),
      items.map((item) => item.messages_received),
      items.map((item) => item.actions_executed),
      items.map((item) => item.actions_failed),
      items.map((item) => item.last_message_at),
    ],
  );
}

export async function addEvents(manager: EntityManager, product_id: number, report: StatusReport): Promise<void> {
  if (report.delta.events.length === 0) return;
  await manager.insert(
    ConnectionEventEntity,
    report.delta.events.map((event) => ({
      product_id,
      instance_id: report.instance_id,
      at: new Date(event.at),
      type: event.type,
      broker: event.broker,
      detail: event.detail as never,
    })),
  );
}

/** What changes how messages come, without anybody having changed a setting. */
const AUDITED = new Set<ConnectionEvent['type']>([
  'failover',
  'failback',
  'session_lost',
  'qos_downgraded',
  'subscription_refused',
  'taken_over',
  'session_adopted',
]);
/** A flapping connection must not fill the audit log by way of one report. */
const MAX_AUDITED = 50;

export async function auditEvents(manager: EntityManager, product_id: number, report: StatusReport): Promise<void> {
  const audited = report.delta.events.filter(({ type }) => AUDITED.has(type)).slice(-MAX_AUDITED);
  for (const { type, at, broker, detail } of audited) {
    const is_switch = type === 'failover' || type === 'failback';
    await recordAudit(manager, {
      actor: { kind: 'listener', id: null, name: report.instance_id, ip: null, request_id: null },
      action: `connection.${type}`,
      entity_type: 'connection',
      entity_id: broker,
      product_id,
      before: is_switch ? { broker: detail.from ?? null } : null,
      after: is_switch ? { broker: detail.to ?? null, at } : { ...detail, broker, at },
    });
  }
}
