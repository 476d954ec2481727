import type { InstanceRole, StatusReport } from '@cortex-mqtt/contracts';
import { takesTurns } from '@cortex-mqtt/mqtt';
import type { EntityManager } from 'typeorm';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ConnectionEventEntity } from '../connection-history/connection-event.entity';
import { ProductLeaseEntity } from './product-lease.entity';

/** How turns pass. All in milliseconds. */
export interface LeaseTiming {
  /** Without a heartbeat for this long it is another instance's turn. */
  ttl_ms: number;
  /** An active instance that is without a connection for this long, failover counted on top, passes its turn on. */
  pass_on_after_ms: number;
}

export const DEFAULT_LEASE_TIMING: LeaseTiming = { ttl_ms: 8_000, pass_on_after_ms: 30_000 };

/** Heartbeats of instances that take turns: several of them fit into the lease. */
const REPLICA_HEARTBEAT_MS = 2_000;

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
 * renews it by reporting and gives it back by its last report. A holder that can't reach the broker passes it on to one that
 * waits. Reports of a product follow one another, and the clock is the database's, so that two are never granted it at once.
 */
export async function takeTurn(
  manager: EntityManager,
  config: MqttConfigEntity,
  report: Pick<StatusReport, 'instance_id' | 'boot_id' | 'state' | 'recovery'>,
  timing: LeaseTiming,
): Promise<Turn> {
  const { product_id } = config;
  const further = await manager.find(MqttBrokerEntity, {
    where: { product_id },
    select: { id: true, client_id: true },
  });
  if (!usesOneSession(config, further)) return ALL_ACTIVE;
  if (report.state === 'stopped') {
    await manager.query(
      `UPDATE product_leases SET expires_at = '-infinity' WHERE product_id = $1 AND instance_id = $2 AND boot_id = $3`,
      [product_id, report.instance_id, report.boot_id],
    );
    return currentTurn(manager, product_id);
  }
  const is_cut_off = cannotReachBroker(report);
  // clock_timestamp(): the transaction may have waited for others.
  const granted = await manager.query<{ term: number; without_connection_ms: number }[]>(
    `INSERT INTO product_leases AS held (product_id, instance_id, boot_id, term, acquired_at, connected_at, expires_at)
     VALUES ($1, $2, $3, 1, clock_timestamp(), clock_timestamp(), clock_timestamp() + make_interval(secs => $4))
     ON CONFLICT (product_id) DO UPDATE SET
       term = held.term + (held.instance_id <> excluded.instance_id)::int,
       acquired_at = CASE WHEN held.instance_id = excluded.instance_id THEN held.acquired_at ELSE excluded.acquired_at END,
       connected_at = CASE WHEN held.boot_id = excluded.boot_id AND $5 THEN held.connected_at ELSE excluded.connected_at END,
       instance_id = excluded.instance_id, boot_id = excluded.boot_id, expires_at = excluded.expires_at
     WHERE held.instance_id = excluded.instance_id OR held.expires_at < clock_timestamp()
     RETURNING term, (extract(epoch FROM clock_timestamp() - connected_at) * 1000)::float8 AS without_connection_ms`,
    [product_id, report.instance_id, report.boot_id, timing.ttl_ms / 1000, is_cut_off],
  );
  const [lease] = granted;
  if (!lease) return currentTurn(manager, product_id);
  // Failover comes first: with every broker of the list it has had its time.
  const failover_s = config.subscribe_on === 'one' ? further.length * (config.failover_after_s ?? 0) : 0;
  const patience_ms = timing.pass_on_after_ms + failover_s * 1000;
  const is_over = is_cut_off && lease.without_connection_ms >= patience_ms;
  if (is_over && (await passOn(manager, product_id, report, timing))) return currentTurn(manager, product_id);
  return { role: 'active', term: lease.term, active_instance_id: null };
}

/** No connection, and not because the broker refuses: that it would do to another instance as well. */
export function cannotReachBroker({ state, recovery }: Pick<StatusReport, 'state' | 'recovery'>): boolean {
  return (state === 'connecting' || state === 'disconnected') && recovery?.is_refused !== true;
}

/** Gives the turn to the next instance by name that waits; false when none does. */
async function passOn(
  manager: EntityManager,
  product_id: number,
  { instance_id }: Pick<StatusReport, 'instance_id'>,
  { ttl_ms }: LeaseTiming,
): Promise<boolean> {
  const [next] = await manager.query<{ instance_id: string; boot_id: string }[]>(
    `SELECT instance_id, boot_id FROM listener_instances
     WHERE product_id = $1 AND instance_id <> $2 AND stopped_at IS NULL AND report ->> 'state' = 'standby'
       AND last_heartbeat_at > clock_timestamp() - make_interval(secs => $3)
     ORDER BY instance_id < $2, instance_id LIMIT 1`,
    [product_id, instance_id, ttl_ms / 1000],
  );
  if (!next) return false;
  await manager.query(
    `UPDATE product_leases SET instance_id = $2, boot_id = $3, term = term + 1, acquired_at = clock_timestamp(),
       connected_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $4)
     WHERE product_id = $1`,
    [product_id, next.instance_id, next.boot_id, ttl_ms / 1000],
  );
  await manager.insert(ConnectionEventEntity, {
    product_id,
    instance_id,
    at: new Date(),
    type: 'turn_passed_on',
    broker: null,
    detail: { from: instance_id, to: next.instance_id },
  });
  return true;
}

/**
 * How often an instance has to report at least, whatever it is told itself: several heartbeats have to fit into the lease, and
 * into the time after which it counts as stale.
 */
export function longestHeartbeat(
  turn: Pick<Turn, 'term'>,
  options: { ttl_ms: number; stale_after_ms: number; live_instances: number },
): number {
  const takes_turns = turn.term > 0;
  if (takes_turns && options.live_instances > 1) return REPLICA_HEARTBEAT_MS;
  return Math.floor(Math.min(takes_turns ? options.ttl_ms / 2 : Infinity, options.stale_after_ms / 2));
}

/** What an instance is told that is not to have the lease now. */
export async function currentTurn(manager: EntityManager, product_id: number): Promise<Turn> {
  const lease = await manager.findOneBy(ProductLeaseEntity, { product_id });
  return { role: 'standby', term: lease?.term ?? 0, active_instance_id: lease?.instance_id ?? null };
}

/** Whether instances take turns on one session at the broker, because they don't share the load. */
export function usesOneSession(
  config: Pick<MqttConfigEntity, 'use_shared_subscriptions' | 'shared_group' | 'client_id'>,
  further: Pick<MqttBrokerEntity, 'client_id'>[],
): boolean {
  if (!config.use_shared_subscriptions) return true;
  return takesTurns({ shared_group: config.shared_group ?? '', brokers: [config, ...further] });
}
