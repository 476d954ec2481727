import { channelsFor, isUnderMaintenance, type MaintenanceWindow } from '@cortex-mqtt/alerting';
import type { EntityManager } from 'typeorm';
import { enqueue, type OpenIncident } from '../model/incident.store';
import type { NotifiedChannel } from '../model/rules.store';

interface Waiting extends OpenIncident {
  started_at: Date;
  product_ids: number[];
  /** By channel id: when it was told last. */
  told: Record<string, string>;
}

/**
 * Who is told later: channels of an escalation once nobody has acknowledged in time, and reminders of what still lasts.
 * Nobody is while the incident is acknowledged or muted, or all its products are under maintenance.
 */
export async function remind(
  manager: EntityManager,
  {
    channels,
    windows,
    now,
  }: { channels: readonly NotifiedChannel[]; windows: readonly MaintenanceWindow[]; now: Date },
): Promise<void> {
  const late = channels.filter(
    ({ reminder_every_s, escalate_after_s }) => reminder_every_s !== null || escalate_after_s > 0,
  );
  if (late.length === 0) return;
  const incidents = await manager.query<Waiting[]>(
    `SELECT i.id, i.kind, i.severity, i.labels, i.channel_ids, i.started_at,
       (SELECT coalesce(jsonb_agg(DISTINCT m.product_id), '[]') FROM alert_incident_members m
         WHERE m.incident_id = i.id AND m.ended_at IS NULL) AS product_ids,
       (SELECT coalesce(jsonb_object_agg(o.channel_id, o.last), '{}') FROM (
         SELECT channel_id, max(created_at) AS last FROM alert_outbox WHERE incident_id = i.id GROUP BY channel_id) o) AS told
     FROM alert_incidents i WHERE i.resolved_at IS NULL AND i.acknowledged_at IS NULL
       AND coalesce(i.muted_until <= $1, true)`,
    [now],
  );
  for (const incident of incidents) {
    if (incident.product_ids.every((id) => isUnderMaintenance(windows, id, now.getTime()))) continue;
    const age_s = (now.getTime() - incident.started_at.getTime()) / 1000;
    for (const channel of channelsFor(late, incident)) {
      const told_at = incident.told[channel.id];
      const message = { incident_id: incident.id, channel_id: channel.id, due_at: now };
      if (told_at === undefined) {
        if (channel.escalate_after_s === 0 || age_s < channel.escalate_after_s) continue;
        await enqueue(manager, { ...message, event: 'escalated', key: `${incident.id}-${channel.id}-opened` });
      } else if (channel.reminder_every_s !== null) {
        const silent_s = (now.getTime() - new Date(told_at).getTime()) / 1000;
        if (silent_s < channel.reminder_every_s) continue;
        const turn = Math.floor(age_s / channel.reminder_every_s);
        await enqueue(manager, { ...message, event: 'reminder', key: `${incident.id}-${channel.id}-reminder-${turn}` });
      }
    }
  }
}
