import { validateActions } from '@cortex-mqtt/actions';
import {
  type FieldFault,
  type ListenerConfigDocument,
  type ListenerSubscription,
  PAYLOAD_FORMATS,
  type PayloadFormat,
  type QoS,
} from '@cortex-mqtt/contracts';
import { EnvironmentError } from '@cortex-mqtt/environment';
import { repeatsPrefix, resolveTopicFilter } from '@cortex-mqtt/mqtt';
import type { ListenerConfig } from '../config';

const SESSION_EXPIRY_S = 604_800;

/** The configuration of the `MQTT_` variables; null when there is no MQTT_HOST. @throws EnvironmentError */
export function environmentDocument(config: ListenerConfig): ListenerConfigDocument | null {
  if (config.mqttHost === undefined) return null;
  return {
    product_id: config.productId,
    product_slug: `product-${config.productId}`,
    session_key: null,
    enabled: true,
    revision: 0,
    reconnect_generation: 0,
    variables: {},
    brokers: [
      {
        name: 'environment',
        host: config.mqttHost,
        port: config.mqttPort,
        transport: config.mqttUseTls ? 'tls' : 'tcp',
        path: null,
        proxy_url: null,
        proxy_username: null,
        proxy_password: null,
        verify_cert: config.mqttVerifyCert,
        username: config.mqttUsername ?? null,
        password: config.mqttPassword ?? null,
        client_id: config.mqttClientId ?? null,
        keep_alive: config.mqttKeepAlive_s,
        clean_session: config.mqttCleanSession,
        protocol_version: 5,
        session_expiry_s: SESSION_EXPIRY_S,
        connect_timeout_s: 10,
        server_name: null,
        alpn_protocols: [],
        ca_cert: null,
        client_cert: null,
        client_key: null,
        client_key_passphrase: null,
        receive_maximum: null,
        connections: config.mqttConnections,
        user_properties: {},
        last_will: null,
      },
    ],
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: config.mqttSharedGroup ?? null,
    handover_after_ms: 20,
    probe: null,
    subscriptions: subscriptionsOf(config),
    secrets: {},
  };
}

function subscriptionsOf(config: ListenerConfig): ListenerSubscription[] {
  const faults: FieldFault[] = [];
  const { mqttTopicPrefix: prefix, mqttTopicPattern: pattern } = config;
  const repeats = (topic: unknown): boolean => repeatsPrefix({ prefix, pattern, topic: String(topic ?? '') });
  const subscriptions = parse(config.mqttSubscriptions).map((item, index): ListenerSubscription => {
    const field = `[${index}]`;
    const given = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
    const resolved = resolveTopicFilter({
      prefix: config.mqttTopicPrefix,
      pattern: config.mqttTopicPattern,
      topic: String(given.topic ?? ''),
      absolute: given.absolute_topic === true || (given.absolute_topic === undefined && repeats(given.topic)),
      shared_group: config.mqttSharedGroup,
    });
    if (!resolved.ok) faults.push(...resolved.faults.map((fault) => ({ ...fault, field: `${field}.${fault.field}` })));
    const { actions, faults: actionFaults } = validateActions(given.actions ?? [{ type: 'log' }], {
      field: `${field}.actions`,
    });
    faults.push(...actionFaults);
    return {
      id: index + 1,
      name: String(given.name ?? `subscription ${index + 1}`),
      topic: String(given.topic ?? ''),
      topic_filter: resolved.ok ? resolved.topic_filter : '',
      wildcard_names: resolved.ok ? resolved.wildcard_names : [],
      qos: config.mqttQos as QoS,
      payload_format: PAYLOAD_FORMATS.includes(given.payload_format as PayloadFormat)
        ? (given.payload_format as PayloadFormat)
        : 'json',
      filter: typeof given.filter === 'string' ? given.filter : null,
      message_key: typeof given.message_key === 'string' ? given.message_key : null,
      concurrency: null,
      ordering: typeof given.ordering === 'string' ? given.ordering : 'none',
      actions,
    };
  });
  if (faults.length > 0) {
    throw new EnvironmentError(
      faults.map(({ field, message }) => ({ variable: 'MQTT_SUBSCRIPTIONS', message: `${field} ${message}` })),
    );
  }
  return subscriptions;
}

function parse(text: string | undefined): unknown[] {
  if (text === undefined) return [{ name: 'everything', topic: '#', payload_format: 'binary' }];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
  } catch (error) {
    throw new EnvironmentError([
      { variable: 'MQTT_SUBSCRIPTIONS', message: `is not JSON: ${(error as Error).message}` },
    ]);
  }
  throw new EnvironmentError([{ variable: 'MQTT_SUBSCRIPTIONS', message: 'must be a JSON array' }]);
}
