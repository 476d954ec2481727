import type { ListenerInstanceEntity } from '../listeners/listener-instance.entity';
import type { ConnectionStatusEntity } from './connection-status.entity';
import type { ConnectionStatusView, InstanceView } from './connection-status.view';
import type { MessageRates } from './message-rates';
import { isLive, sumInstances } from './product-state';

export interface StatusParts {
  status: ConnectionStatusEntity;
  desired_revision: number;
  instances: ListenerInstanceEntity[];
  rates: MessageRates;
  now: Date;
  stale_after_ms: number;
}

/** Summed anew at every read, so that a stopped heartbeat shows at once and not at the next sweep. */
export function presentConnectionStatus({
  status,
  desired_revision,
  instances,
  rates,
  now,
  stale_after_ms,
}: StatusParts): ConnectionStatusView {
  const sum = sumInstances(instances, now, stale_after_ms);
  return {
    product_id: status.product_id,
    connected: sum.connected,
    state: sum.state,
    desired_revision,
    applied_revision: sum.applied_revision,
    last_connected_at: status.last_connected_at?.toISOString() ?? null,
    last_disconnected_at: status.last_disconnected_at?.toISOString() ?? null,
    connection_error: sum.reason,
    messages_received: status.messages_received,
    ...rates,
    last_message_at: status.last_message_at?.toISOString() ?? null,
    subscribed_topics_count: sum.connected ? status.subscribed_topics_count : 0,
    client_id: status.client_id,
    broker_info: status.broker_info,
    updated_at: status.updated_at.toISOString(),
    instances: instances
      .filter((instance) => instance.stopped_at === null)
      .map((instance) => presentInstance(instance, isLive(instance, now, stale_after_ms))),
  };
}

function presentInstance(instance: ListenerInstanceEntity, live: boolean): InstanceView {
  const { delta, instance_id, ...report } = instance.report;
  return {
    id: instance.instance_id,
    state: live ? instance.report.state : 'stale',
    applied_revision: instance.report.applied_revision,
    config_source: instance.report.config_source,
    last_heartbeat_at: instance.last_heartbeat_at.toISOString(),
    report: { ...report },
  };
}
