import { presentBroker } from '../brokers/broker.presenter';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { MqttConfigSectionsView } from './mqtt-config.view';

export function presentMqttConfig(config: MqttConfigEntity): MqttConfigSectionsView {
  return {
    broker: presentBroker(config),
    topics: {
      prefix: config.topic_prefix,
      pattern: config.topic_pattern,
      use_shared: config.use_shared_subscriptions,
      shared_group: config.shared_group,
      qos: config.qos,
    },
    delivery: { handover_after_ms: config.handover_after_ms },
    failover: {
      subscribe_on: config.subscribe_on,
      after_s: config.failover_after_s,
      failback_after_s: config.failback_after_s,
    },
    probe: { topic: config.probe_topic, interval_s: config.probe_interval_s },
    archive: config.archive,
  };
}
