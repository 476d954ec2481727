import type { StatusReport } from '@cortex-mqtt/contracts';
import type { ProductHealthView } from '../../model/product-health';
import type { ConnectionStatusEntity } from '../../model/connection-status.entity';
import type { ListenerInstanceEntity } from '../../model/listener-instance.entity';
import type { ListenerContainer } from '../../model/listener-container.entity';
import { isLive } from '../../model/liveness';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { MessageRates } from '../metrics/message-rates';
import type { ConnectionStatusView, InstanceView } from './connection-status.view';
import {
  presentBrokers,
  presentDesired,
  presentFlow,
  presentLive,
  presentProbe,
  presentRecovery,
  presentSubscribed,
  presentWarnings,
  worstProbe,
} from './connection-truths';
import { appliedOf, sumInstances } from '../../model/product-state';

export interface StatusParts {
  health: ProductHealthView;
  status: ConnectionStatusEntity;
  config: MqttConfigEntity;
  enabled: boolean;
  instances: ListenerInstanceEntity[];
  containers: ListenerContainer[];
  rates: MessageRates;
  configuration_warnings: { code: string; message: string }[];
  now: Date;
  stale_after_ms: number;
}

/** Computed at every read, so that a stopped heartbeat shows at once and not at the next sweep. */
export function presentConnectionStatus({
  health,
  status,
  config,
  enabled,
  instances,
  containers,
  rates,
  configuration_warnings,
  now,
  stale_after_ms,
}: StatusParts): ConnectionStatusView {
  const sum = sumInstances(instances, now, stale_after_ms, config);
  const live = instances.filter((instance) => isLive(instance, now, stale_after_ms));
  return {
    product_id: status.product_id,
    ...health,
    connected: sum.connected,
    state: sum.state,
    desired_revision: config.revision,
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
    desired: presentDesired(config, { enabled, live }),
    live: presentLive(sum, live),
    recovery: live.map(({ report }) => presentRecovery(report)).find((recovery) => recovery !== null) ?? null,
    flow: presentFlow(live, { rates, last_message_at: status.last_message_at }),
    probe: worstProbe(live.map(({ report }) => presentProbe(report, now)).filter((probe) => probe !== null)),
    warnings: [
      ...configuration_warnings.map((warning) => ({ ...warning, instance_id: null })),
      ...presentWarnings(live),
    ],
    containers: containers.map(({ last_lines: _, ...container }) => container),
    instances: instances
      .filter((instance) => instance.stopped_at === null)
      .map((instance) => presentInstance(instance, { is_live: live.includes(instance), now, config })),
  };
}

/** Later heartbeats that said the same have raised its sequence and time only. */
function newestReport({ report, sequence, last_heartbeat_at, received_at }: ListenerInstanceEntity): StatusReport {
  const later_ms = received_at === null ? 0 : Math.max(0, last_heartbeat_at.getTime() - received_at.getTime());
  const reported_at = new Date(Date.parse(report.reported_at) + later_ms).toISOString();
  return { ...report, sequence, reported_at: later_ms === 0 ? report.reported_at : reported_at };
}

function presentInstance(
  instance: ListenerInstanceEntity,
  { is_live, now, config }: { is_live: boolean; now: Date; config: MqttConfigEntity },
): InstanceView {
  const { delta, instance_id, ...report } = newestReport(instance);
  const last_heartbeat_at = instance.last_heartbeat_at.toISOString();
  return {
    id: instance.instance_id,
    state: is_live ? instance.report.state : 'stale',
    applied_revision: appliedOf(instance.report, config),
    config_source: instance.report.config_source,
    last_heartbeat_at,
    since: is_live ? report.state_since : last_heartbeat_at,
    reason: is_live ? report.reason : `No heartbeat since ${last_heartbeat_at}.`,
    reason_code: is_live ? report.reason_code : 'STALE',
    advice: is_live
      ? report.advice
      : 'See whether the process runs and reaches the orchestrator; what it does at the broker is not known meanwhile.',
    broker: report.broker?.name ?? null,
    brokers: is_live ? presentBrokers(instance.report) : [],
    subscribed: presentSubscribed(instance.report),
    recovery: is_live ? presentRecovery(instance.report) : null,
    probe: presentProbe(instance.report, now),
    report: { ...report },
  };
}
