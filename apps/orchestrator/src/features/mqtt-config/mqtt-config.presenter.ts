import type { MqttConfigEntity } from './mqtt-config.entity';
import type { MqttConfigSectionsView } from './mqtt-config.view';

/** Never a secret: only whether there is one. */
export function presentMqttConfig(config: MqttConfigEntity): MqttConfigSectionsView {
  return {
    broker: {
      host: config.broker_host,
      port: config.broker_port,
      transport: config.transport,
      path: config.path,
      use_tls: config.use_tls,
      verify_cert: config.verify_cert,
      username: config.username,
      password_set: config.password !== null,
      client_id: config.client_id,
      keep_alive: config.keep_alive,
      clean_session: config.clean_session,
      protocol_version: config.protocol_version,
      session_expiry_s: config.session_expiry_s,
      connect_timeout_s: config.connect_timeout_s,
      server_name: config.server_name,
      alpn_protocols: config.alpn_protocols,
      ca_cert: config.ca_cert,
      client_cert: config.client_cert,
      client_key_set: config.client_key !== null,
      receive_maximum: config.receive_maximum,
      user_properties: config.user_properties,
      last_will: config.last_will,
    },
    topics: {
      prefix: config.topic_prefix,
      pattern: config.topic_pattern,
      use_shared: config.use_shared_subscriptions,
      shared_group: config.shared_group,
      qos: config.qos,
    },
    delivery: { handover_after_ms: config.handover_after_ms },
    failover: { after_s: config.failover_after_s, failback_after_s: config.failback_after_s },
    probe: { topic: config.probe_topic, interval_s: config.probe_interval_s },
  };
}
