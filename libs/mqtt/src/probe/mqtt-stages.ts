import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerConnection, ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { reasonCodeName, subackRefusal } from '../diagnosis/reason-codes';
import { FILTERS_PER_SUBSCRIBE } from '../subscribe-limits';
import { validatePublishTopic } from '../topic-filter';
import { mayBeForVersion } from '../version-fallback';
import { type ConnackDetail, describeConnack } from './connack-detail';
import type { StageDetail } from './network-stages';
import { isConnack, type PacketLink } from './packet-link';
import { StageFailure, type TimeLimit } from './time-limit';

/** Never the live client's: a second session with its id would end the first (MQTT 5, 3.1.4). */
export const randomClientId = (): string => `cmqtest${randomBytes(8).toString('hex')}`;

/** CONNECT as the live client sends it, but with a random id, a session that ends with the connection, and no will. */
export async function sendConnect(
  link: PacketLink,
  broker: BrokerConnection,
  input: { client_id: string; version: ProtocolVersion; limit: TimeLimit },
): Promise<ConnackDetail> {
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: input.version,
    clientId: input.client_id,
    clean: true,
    keepalive: broker.keep_alive,
  };
  // A password needs a user name beside it (MQTT 3.1.1, 3.1.2.9), and mqtt-packet insists on it for 5 as well.
  const username = broker.username ?? (broker.password === null ? null : '');
  if (username !== null) packet.username = username;
  if (broker.password !== null) packet.password = Buffer.from(broker.password, 'utf8');
  if (input.version === 5) {
    packet.properties = {
      sessionExpiryInterval: 0,
      ...(broker.receive_maximum === null ? {} : { receiveMaximum: broker.receive_maximum }),
      ...(Object.keys(broker.user_properties).length === 0 ? {} : { userProperties: broker.user_properties }),
    };
  }
  const answer = link.receive(isConnack, input.limit);
  link.send(packet);
  const connack = await answer;
  const reason_code = (link.version() === 5 ? connack.reasonCode : connack.returnCode) ?? 0;
  if (reason_code !== 0 || link.version() !== input.version) {
    throw new StageFailure({
      kind: 'reason',
      packet: 'connack',
      // An old broker that lets a client of MQTT 5 in doesn't know what it does.
      reason_code: reason_code === 0 ? 1 : reason_code,
      reason_string: connack.properties?.reasonString ?? null,
      server_reference: connack.properties?.serverReference ?? null,
    });
  }
  return describeConnack(connack, input.version);
}

/** Whether the end may be for the version only; what the broker said first must not have been something else. */
export function maySpeakOlderVersion(error: unknown, link: PacketLink): boolean {
  if (!(error instanceof StageFailure)) return false;
  const verdict = mayBeForVersion(error.failure);
  return verdict === 'refused' || (verdict === 'unanswered' && link.firstBytes().length === 0);
}

/** One filter's answer. `refused` in words, null when granted. */
export interface FilterResult {
  filter: string;
  requested_qos: QoS;
  granted_qos: QoS | null;
  refused: string | null;
  refusal_code: number | null;
  /** What was sent instead; see `stealsNothing`. */
  tested_as?: string;
}

export interface MqttSession {
  link: PacketLink;
  version: ProtocolVersion;
  nextId(): number;
}

export const startSession = (link: PacketLink, version: ProtocolVersion): MqttSession => {
  let last = 0;
  return {
    link,
    version,
    nextId: () => {
      last += 1;
      return last;
    },
  };
};

/** SUBSCRIBE to all filters; a refusal of one is a result, not a failure. `results` fills as the answers come. */
export async function subscribeAll(
  session: MqttSession,
  filters: { filter: string; qos: QoS }[],
  limit: TimeLimit,
  results: FilterResult[],
  options: { with_retained: 'yes' | 'no' } = { with_retained: 'no' },
): Promise<void> {
  for (let start = 0; start < filters.length; start += FILTERS_PER_SUBSCRIBE) {
    const batch = filters.slice(start, start + FILTERS_PER_SUBSCRIBE);
    const sent = batch.map(({ filter }) => stealsNothing(filter));
    const messageId = session.nextId();
    const answer = session.link.receive(
      (packet) => (packet.cmd === 'suback' && packet.messageId === messageId ? packet : undefined),
      limit,
    );
    session.link.send({
      cmd: 'subscribe',
      messageId,
      subscriptions: batch.map(({ qos }, index) => ({
        topic: sent[index] ?? '',
        qos,
        // 2: no retained messages, they are of no use here (MQTT 5, 3.8.3.1).
        ...(session.version === 5 ? { nl: false, rap: true, rh: options.with_retained === 'yes' ? 0 : 2 } : {}),
      })),
    });
    const suback = await answer;
    for (const [index, { filter, qos }] of batch.entries()) {
      const granted = suback.granted[index];
      const code = typeof granted === 'number' ? granted : 0x80;
      const tested = sent[index];
      results.push({
        filter,
        requested_qos: qos,
        granted_qos: code === 0 || code === 1 || code === 2 ? code : null,
        refused: subackRefusal(code, suback.properties?.reasonString),
        refusal_code: code < 0x80 ? null : code,
        ...(tested !== undefined && tested !== filter ? { tested_as: tested } : {}),
      });
    }
  }
}

/** A shared subscription gives each message to one member of its group: a test joins a group of its own, lest it take some away. */
function stealsNothing(filter: string): string {
  const shared = /^\$share\/[^/]+\/(.*)$/s.exec(filter);
  return shared ? `$share/${randomClientId()}/${shared[1]}` : filter;
}

/** Publishes a message and waits until it comes back through a subscription. */
export async function roundTrip(
  session: MqttSession,
  input: { topic: string; maximum_qos: QoS; test_id: string; limit: TimeLimit },
  detail: StageDetail,
): Promise<void> {
  const { topic, limit } = input;
  detail.topic = topic;
  if (validatePublishTopic(topic) !== null) throw refusal('puback', 0x90);
  const qos: QoS = input.maximum_qos === 0 ? 0 : 1;
  detail.qos = qos;
  const results: FilterResult[] = [];
  await subscribeAll(session, [{ filter: topic, qos }], limit, results);
  const refused = results[0]?.refusal_code;
  if (refused != null) throw refusal('suback', refused);

  const payload = Buffer.from(
    JSON.stringify({ connection_test: input.test_id, nonce: randomBytes(8).toString('hex') }),
  );
  const messageId = session.nextId();
  const started = performance.now();
  const received = session.link.receive((packet) => receivedPayload(session, packet, payload), limit);
  const acknowledged =
    qos === 0
      ? Promise.resolve(0)
      : session.link.receive(
          (packet) =>
            packet.cmd === 'puback' && packet.messageId === messageId ? (packet.reasonCode ?? 0) : undefined,
          limit,
        );
  session.link.send({
    cmd: 'publish',
    topic,
    payload,
    qos,
    dup: false,
    retain: false,
    ...(qos === 0 ? {} : { messageId }),
  });
  const refusedPublish = acknowledged.then((code) => {
    if (code >= 0x80) throw refusal('puback', code);
    detail.acknowledged = code === 0 ? true : reasonCodeName(code);
    // Granted: what counts now is that it comes back.
    return received;
  });
  await Promise.race([received, refusedPublish]);
  detail.round_trip_ms = Math.round((performance.now() - started) * 10) / 10;
}

function receivedPayload(session: MqttSession, packet: Packet, payload: Buffer): true | undefined {
  if (packet.cmd !== 'publish' || !payload.equals(Buffer.from(packet.payload))) return undefined;
  if (packet.qos === 1) session.link.send({ cmd: 'puback', messageId: packet.messageId });
  return true;
}

const refusal = (packet: 'suback' | 'puback', reason_code: number): StageFailure =>
  new StageFailure({ kind: 'reason', packet, reason_code });

/** Mosquitto's and EMQX' names; a broker that has neither refuses or stays silent. */
const SYS_TOPICS = ['$SYS/broker/version', '$SYS/broker/publish/messages/dropped', '$SYS/brokers/+/version'];

/**
 * What `$SYS` tells, by topic; empty where it may not be read. Comes last: a broker may end the connection of a client that asks
 * for what it may not see. A PINGREQ behind the SUBSCRIBE tells when the retained values must have come.
 */
export async function readSys(session: MqttSession, limit: TimeLimit): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const collected = session.link.receive((packet) => {
    if (packet.cmd === 'publish' && packet.topic.startsWith('$SYS/')) values[packet.topic] = packet.payload.toString();
    return packet.cmd === 'pingresp' ? true : undefined;
  }, limit);
  try {
    const filters = SYS_TOPICS.map((filter) => ({ filter, qos: 0 as const }));
    await subscribeAll(session, filters, limit, [], { with_retained: 'yes' });
    // Some brokers look retained messages up beside the connection: one more turn for those.
    await delay(20);
    session.link.send({ cmd: 'pingreq' });
    await collected;
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
  }
  return values;
}

export function brokerVersion(sys: Record<string, string>): string | null {
  const own = sys['$SYS/broker/version'];
  if (own !== undefined) return own;
  const emqx = Object.entries(sys).find(([topic]) => /^\$SYS\/brokers\/[^/]+\/version$/.test(topic));
  return emqx ? `EMQX ${emqx[1]}` : null;
}
