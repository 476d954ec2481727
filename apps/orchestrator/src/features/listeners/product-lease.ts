import type { InstanceRole, StatusReport } from '@cortex-mqtt/contracts';
import { takesTurns } from '@cortex-mqtt/mqtt';
import type { EntityManager } from 'typeorm';
import { MqttBrokerEntity } from '../brokers/mqtt-broker.entity';
import type { MqttConfigEntity } from '../mqtt-config/mqtt-config.entity';
import { ProductLeaseEntity } from './product-lease.entity';

/** Without a heartbeat for this long it is another instance's turn. */
export const LEASE_TTL_MS = 8_000;
/** Heartbeats of instances that take turns: several of them fit into the lease. */
export const REPLICA_HEARTBEAT_MS = 2_000;

export interface Turn {
  role: InstanceRole;
  /** 0: instances of this product don't take turns. */
  term: number;
  active_instance_id: string | null;
}

/** Every instance of a product that shares its load works at once. */
const ALL_ACTIVE: Turn = { role: 'active', term: 0, active_instance_id: null };

/**
 * Decides, in the transaction of a report, whose turn it is: a free or lapsed lease goes to whoever reports, its holder
 * renews it by reporting and gives it back by its last report. Reports of a product follow one another, and the clock is
 * the database's, so that two are never granted it at once.
 */
export async function takeTurn(
  manager: EntityManager,
  config: MqttConfigEntity,
  report: Pick<StatusReport, 'instance_id' | 'boot_id' | 'state'>,
  options: { ttl_ms: number },
): Promise<Turn> {
  const { product_id } = config;
  if (!(await usesOneSession(manager, config))) return ALL_ACTIVE;
  if (report.state === 'stopped') {
    await manager.query(
      `UPDATE product_leases SET expires_at = '-infinity' WHERE product_id = $1 AND instance_id = $2 AND boot_id = $3`,
      [product_id, report.instance_id, report.boot_id],
    );
    return currentTurn(manager, product_id);
  }
  // clock_timestamp(): the transaction may have waited for others.
  const granted = await manager.query<{ term: number }[]>(
    `INSERT INTO product_leases AS held (product_id, instance_id, boot_id, term, acquired_at, expires_at)
     VALUES ($1, $2, $3, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => $4))
     ON CONFLICT (product_id) DO UPDATE SET
       term = held.term + (held.instance_id <> excluded.instance_id)::int,
       acquired_at = CASE WHEN held.instance_id = excluded.instance_id THEN held.acquired_at ELSE excluded.acquired_at END,
       instance_id = excluded.instance_id, boot_id = excluded.boot_id, expires_at = excluded.expires_at
     WHERE held.instance_id = excluded.instance_id OR held.expires_at < clock_timestamp()
     RETURNING term`,
    [product_id, report.instance_id, report.boot_id, options.ttl_ms / 1000],
  );
  const [lease] = granted;
  return lease ? { role: 'active', term: lease.term, active_instance_id: null } : currentTurn(manager, product_id);
}

/** What an instance is told that is not to have the lease now. */
export async function currentTurn(manager: EntityManager, product_id: number): Promise<Turn> {
  const lease = await manager.findOneBy(ProductLeaseEntity, { product_id });
  return { role: 'standby', term: lease?.term ?? 0, active_instance_id: lease?.instance_id ?? null };
}

async function usesOneSession(manager: EntityManager, config: MqttConfigEntity): Promise<boolean> {
  if (!config.use_shared_subscriptions) return true;
  const further = await manager.find(MqttBrokerEntity, {
    where: { product_id: config.product_id },
    select: { id: true, client_id: true },
  });
  return takesTurns({ shared_group: config.shared_group ?? '', brokers: [config, ...further] });
}
