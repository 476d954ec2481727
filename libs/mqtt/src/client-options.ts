import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { IClientOptions } from 'mqtt';
import { openBrokerStream } from './transport';

export interface ClientOptionsInput {
  /** Used when the broker's own `client_id` is null. */
  client_id: string;
  egress: EgressPolicy;
  /** 4 after the broker has refused 5; by default what the broker's settings say. */
  protocol_version?: ProtocolVersion;
  /** For a second connection beside the session, e.g. one that only publishes: its own id, a clean session, no will. */
  secondary?: { client_id: string };
}

/** For `new MqttClient(buildStream, options)`. */
export interface BuiltClient {
  options: IClientOptions & { clientId: string };
  buildStream: () => Duplex;
}

/**
 * Options of mqtt.js for one broker. The session owns reconnection (`reconnectPeriod: 0`), subscriptions (`resubscribe: false`)
 * and the moment of connecting (`manualConnect`). The stream is ours, so that the egress policy sees every connect.
 */
export function buildClientOptions(broker: BrokerConnection, input: ClientOptionsInput): BuiltClient {
  const protocolVersion = input.protocol_version ?? broker.protocol_version;
  const clean = input.secondary !== undefined || broker.clean_session;
  const timeout_ms = broker.connect_timeout_s * 1_000;
  const options: BuiltClient['options'] = {
    protocolId: 'MQTT',
    protocolVersion,
    clientId: input.secondary?.client_id ?? broker.client_id ?? input.client_id,
    clean,
    keepalive: broker.keep_alive,
    // A password needs a user name beside it (MQTT 3.1.1, 3.1.2.9), and mqtt-packet insists on it for 5 as well.
    username: broker.username ?? (broker.password === null ? undefined : ''),
    password: broker.password ?? undefined,
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // The stream has this long, and then the CONNACK.
    connectTimeout: timeout_ms + 1_000,
    timerVariant: 'native',
  };
  if (broker.last_will !== null && input.secondary === undefined)
    options.will = buildWill(broker.last_will, protocolVersion);
  if (protocolVersion === 5) {
    options.properties = {
      sessionExpiryInterval: clean ? 0 : broker.session_expiry_s,
      ...(broker.receive_maximum === null ? {} : { receiveMaximum: broker.receive_maximum }),
      ...(Object.keys(broker.user_properties).length === 0 ? {} : { userProperties: { ...broker.user_properties } }),
    };
  }
  return { options, buildStream: () => openBrokerStream(broker, { egress: input.egress, timeout_ms }) };
}

function buildWill(
  will: NonNullable<BrokerConnection['last_will']>,
  protocolVersion: ProtocolVersion,
): NonNullable<IClientOptions['will']> {
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload, 'utf8'),
    qos: will.qos,
    retain: will.retain,
    ...(protocolVersion === 5 && will.delay_s > 0 ? { properties: { willDelayInterval: will.delay_s } } : {}),
  };
}

const CLIENT_ID_LENGTH = 23;

/**
 * The client id of an instance: the same after a restart, since the broker keeps the session under it. 23 characters at most, of
 * `0-9A-Za-z` only, which every server has to accept (MQTT 3.1.1, 3.1.3.1). The slug isn't in it: renaming a product
 * would leave its session, and the messages in it, behind. Two deployments that use one broker need instance ids that differ.
 */
export function deriveClientId(identity: { product_id: number; product_slug: string; instance_id: string }): string {
  const head = `cmqp${identity.product_id}`;
  const room = CLIENT_ID_LENGTH - head.length - 1;
  // "i" = the instance id itself, readable in the broker's log; "h" = its hash, where it doesn't fit.
  if (identity.instance_id.length <= room && /^[0-9A-Za-z]+$/.test(identity.instance_id)) {
    return `${head}i${identity.instance_id}`;
  }
  return `${head}h${hashOf(identity.instance_id, room)}`;
}

/**
 * The client id that all instances of a product use in turn, when they don't share the load: whoever is active has the one
 * session of the product at the broker, with the messages that wait in it. `session_key` tells deployments apart.
 */
export function deriveProductClientId(product: { product_id: number; session_key: string }): string {
  const head = `cmqp${product.product_id}s`;
  return `${head}${hashOf(product.session_key, CLIENT_ID_LENGTH - head.length)}`;
}

/** Connections that filters are spread over at most, where overlapping ones must not meet on one: MQTT 3.1.1. */
export const MAX_LANES = 4;

/** Each lane is a session of its own at the broker. */
export function laneClientId(client_id: string, lane: number): string {
  return lane === 0 ? client_id : `${client_id}L${lane + 1}`;
}

/**
 * Whether instances would use one session at the broker, so that only one of them may be connected: they share no load, or
 * a client id is given that they would all use.
 */
export function takesTurns(config: { shared_group: string | null; brokers: { client_id: string | null }[] }): boolean {
  return config.shared_group === null || config.brokers.some(({ client_id }) => client_id !== null);
}

function hashOf(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  return BigInt(`0x${digest.toString('hex')}`)
    .toString(36)
    .padStart(length, '0')
    .slice(-length);
}
