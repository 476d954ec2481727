import type { EntityManager } from 'typeorm';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import { isLive, isUp } from '../../model/liveness';
import { type Desired, sumInstances } from '../../model/product-state';
import { ConnectionEventEntity, type ProductTransition } from '../connection-history/connection-event.entity';
import { encodeStatusChange, STATUS_CHANNEL } from '../connection-status/status-channel';

/** Writes a product's status as the sum over its instances. Answers the live ones. */
export async function sumUp(
  manager: EntityManager,
  status: ConnectionStatusEntity,
  {
    node_id,
    desired,
    now,
    stale_after_ms,
    when_down,
  }: {
    /** The orchestrator that adds up. */
    node_id: string;
    desired: Desired;
    now: Date;
    stale_after_ms: number;
    /** What it is called when the product is no longer connected. */
    when_down: Exclude<ProductTransition, 'online'>;
  },
): Promise<ListenerInstanceEntity[]> {
  const instances = await manager.findBy(ListenerInstanceEntity, { product_id: status.product_id });
  const sum = sumInstances(instances, now, stale_after_ms, desired);
  const live = instances.filter((instance) => isLive(instance, now, stale_after_ms));
  const reports = live.map((instance) => instance.report);
  const speaker = reports.find(isUp) ?? reports[0];
  if (status.connected !== sum.connected) {
    await manager.insert(ConnectionEventEntity, {
      product_id: status.product_id,
      instance_id: '',
      at: sum.connected ? now : lastProofOf(instances, when_down, now),
      type: sum.connected ? 'online' : when_down,
      broker: speaker?.broker?.name ?? null,
      detail: (sum.reason === null ? {} : { reason: sum.reason }) as never,
    });
    if (!sum.connected) status.last_disconnected_at = now;
  }
  status.connected = sum.connected;
  status.state = sum.state;
  status.connection_error = sum.reason;
  status.applied_revision = sum.applied_revision;
  status.desired_revision = desired.revision;
  status.subscribed_topics_count = Math.max(0, ...reports.map((report) => report.subscribed.granted));
  status.client_id = speaker?.client_id ?? status.client_id;
  if (speaker?.state === 'connected') status.broker_info = speaker.broker_info;
  status.last_connected_at = latest(status.last_connected_at, ...reports.map((report) => report.connected_at));
  status.last_disconnected_at = latest(status.last_disconnected_at, ...reports.map((report) => report.disconnected_at));
  status.last_message_at = latest(status.last_message_at, ...reports.map((report) => report.last_message_at));
  status.updated_at = now;
  await manager.save(status);
  // Part of the transaction: listeners of the channel hear it only once the row is committed.
  await manager.query('SELECT pg_notify($1, $2)', [
    STATUS_CHANNEL,
    encodeStatusChange({ node_id, kind: 'state', product_ids: [status.product_id] }),
  ]);
  return live;
}

/** A connection whose heartbeat stopped is proven up to its last one only. */
function lastProofOf(instances: ListenerInstanceEntity[], when_down: ProductTransition, now: Date): Date {
  if (when_down !== 'heartbeat_lost' || instances.length === 0) return now;
  return new Date(Math.max(...instances.map((instance) => instance.last_heartbeat_at.getTime())));
}

function latest(...times: (Date | string | null)[]): Date | null {
  const known = times.filter((time) => time !== null).map((time) => new Date(time).getTime());
  return known.length === 0 ? null : new Date(Math.max(...known));
}
