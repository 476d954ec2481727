import type { OrphanedSessions, StatusReport } from '@cortex-mqtt/contracts';
import { type EntityManager, In, IsNull, LessThan } from 'typeorm';
import { isUp } from '../../model/liveness';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';

/** Members told of in one answer. */
const MAX_ORPHANS = 20;

/**
 * Sessions that members of a shared group have left at the brokers, when they have been silent for `adopt_after_ms`: the
 * messages queued in them reach nobody else. Only one of the `live` instances is told, the first by name, so that two don't
 * take them from each other; the broker ends the older of two connections with one client id in any case (MQTT 5, 3.1.4-3).
 */
export async function orphansFor(
  manager: EntityManager,
  input: {
    product_id: number;
    report: StatusReport;
    live: readonly ListenerInstanceEntity[];
    now: Date;
    /** For which reports of the product have come without a gap. */
    heard_for_ms: number;
    adopt_after_ms: number;
  },
): Promise<OrphanedSessions[]> {
  const { product_id, live, now, heard_for_ms, adopt_after_ms } = input;
  if (adopt_after_ms === 0 || heard_for_ms < adopt_after_ms) return [];
  const able = live.filter(({ report }) => isUp(report) && report.is_leaving !== true);
  const [first] = able.map(({ instance_id }) => instance_id).sort();
  if (first !== input.report.instance_id) return [];
  const gone = await manager.find(ListenerInstanceEntity, {
    where: {
      product_id,
      stopped_at: IsNull(),
      last_heartbeat_at: LessThan(new Date(now.getTime() - adopt_after_ms)),
    },
    order: { instance_id: 'ASC' },
  });
  const orphans = gone.flatMap(({ instance_id, report }): OrphanedSessions[] => {
    const sessions = (report.brokers ?? []).flatMap(({ host, port, client_id, session }) =>
      session === null || client_id === null ? [] : [{ host, port, client_id }],
    );
    return sessions.length === 0 ? [] : [{ instance_id, sessions }];
  });
  return orphans.slice(0, MAX_ORPHANS);
}

/**
 * The sessions of these instances are empty: they are gone permanently, unless they have come back meanwhile. Resolves with the client
 * ids of the sessions.
 */
export async function closeAdopted(
  manager: EntityManager,
  { product_id, report, silent_for_ms }: { product_id: number; report: StatusReport; silent_for_ms: number },
): Promise<string[]> {
  const adopted = report.delta.events.flatMap(({ type, detail }) =>
    type === 'session_adopted' && typeof detail.from === 'string' ? [detail.from] : [],
  );
  if (adopted.length === 0) return [];
  const instances = await manager.findBy(ListenerInstanceEntity, { product_id, instance_id: In(adopted) });
  await manager.query(
    `UPDATE listener_instances SET stopped_at = now() WHERE product_id = $1 AND instance_id = ANY($2)
       AND stopped_at IS NULL AND last_heartbeat_at < now() - make_interval(secs => $3)`,
    [product_id, adopted, silent_for_ms / 1000],
  );
  return instances.flatMap(({ report: { brokers = [] } }) =>
    brokers.flatMap(({ client_id }) => (client_id === null ? [] : [client_id])),
  );
}
