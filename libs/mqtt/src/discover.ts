import { randomBytes } from 'node:crypto';
import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions } from './client-options';
import { mqtt } from './on-demand';
import { ONE_CONNECTION } from './one-connection';

/** Topics that are told apart; of further ones only the number of messages is kept. */
const MAX_TOPICS = 2_000;
const EXAMPLE_BYTES = 1_024;
const REPORT_EVERY_MS = 1_000;
const CONNECT_LIMIT_MS = 15_000;

/** What was heard on a topic since the beginning. */
export interface DiscoveredTopic {
  topic: string;
  messages: number;
  bytes: number;
  rate_per_s: number;
  /** The newest payload, its beginning. */
  example: Buffer;
  example_bytes: number;
  retained: boolean;
}

export interface DiscoverReport {
  seconds: number;
  messages: number;
  /** Those that have changed since the report before. */
  topics: DiscoveredTopic[];
  /** Messages on topics beyond those that are told apart. */
  further_messages: number;
}

export interface DiscoverRequest {
  broker: BrokerConnection;
  filter: string;
  seconds: number;
  signal: AbortSignal;
  onReport(report: DiscoverReport): void;
}

/**
 * Listens for a while on a connection of its own, with a session that leaves nothing behind, and reports the topics once a
 * second. Rejects when the broker can't be reached or refuses the filter; a broker that refuses MQTT 5 is asked with 3.1.1.
 */
export async function discoverTopics(request: DiscoverRequest, { egress }: { egress: EgressPolicy }): Promise<void> {
  if (request.broker.connections === 'one') throw new Error(`topics can't be discovered: ${ONE_CONNECTION}`);
  try {
    await listen(request, request.broker.protocol_version, egress);
  } catch (error) {
    const isRefusedVersion = /unsupported protocol version|unacceptable protocol version/i.test(
      (error as Error).message,
    );
    if (request.broker.protocol_version !== 5 || !isRefusedVersion) throw error;
    await listen(request, 4, egress);
  }
}

async function listen(
  { broker, filter, seconds, signal, onReport }: DiscoverRequest,
  protocol_version: ProtocolVersion,
  egress: EgressPolicy,
): Promise<void> {
  const client_id = `cmqd${randomBytes(9).toString('hex')}`;
  const { options, buildStream } = buildClientOptions(broker, {
    client_id,
    egress,
    protocol_version,
    secondary: { client_id },
  });
  const { MqttClient } = mqtt();
  const client = new MqttClient(buildStream, options);
  const tally = new Tally();
  client.on('message', (topic, payload, packet) => tally.add(topic, payload, packet.retain));
  try {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('the broker did not answer in time')), CONNECT_LIMIT_MS);
      client.once('connect', () => {
        clearTimeout(limit);
        resolve();
      });
      client.once('error', (error) => {
        clearTimeout(limit);
        reject(error);
      });
      client.once('close', () => {
        clearTimeout(limit);
        reject(new Error('the broker ended the connection'));
      });
      client.connect();
    });
    client.on('error', () => undefined);
    const granted = await client.subscribeAsync(filter, { qos: 0 });
    if (granted.some(({ qos }) => qos >= 128)) throw new Error('the broker refuses the topic filter');
    tally.begin();
    await new Promise<void>((resolve, reject) => {
      const reports = setInterval(() => onReport(tally.report()), REPORT_EVERY_MS);
      const end = (error?: Error): void => {
        clearInterval(reports);
        clearTimeout(over);
        if (error) reject(error);
        else resolve();
      };
      const over = setTimeout(() => end(), seconds * 1_000);
      signal.addEventListener('abort', () => end(), { once: true });
      client.once('close', () => end(new Error('the broker ended the connection')));
    });
    onReport(tally.report());
  } finally {
    await client.endAsync(true);
  }
}

class Tally {
  private readonly topics = new Map<string, DiscoveredTopic>();
  private readonly changed = new Set<string>();
  private began_ms = Date.now();
  private messages = 0;
  private further_messages = 0;

  begin(): void {
    this.began_ms = Date.now();
  }

  add(topic: string, payload: Buffer, retained: boolean): void {
    this.messages += 1;
    const known = this.topics.get(topic);
    if (known === undefined && this.topics.size >= MAX_TOPICS) {
      this.further_messages += 1;
      return;
    }
    const counted = known ?? {
      topic,
      messages: 0,
      bytes: 0,
      rate_per_s: 0,
      example: payload,
      example_bytes: 0,
      retained,
    };
    counted.messages += 1;
    counted.bytes += payload.length;
    // A copy: the payload is a view on all that was read with it.
    counted.example = Buffer.from(payload.subarray(0, EXAMPLE_BYTES));
    counted.example_bytes = payload.length;
    counted.retained = retained;
    this.topics.set(topic, counted);
    this.changed.add(topic);
  }

  report(): DiscoverReport {
    const seconds = Math.max(0.001, (Date.now() - this.began_ms) / 1_000);
    const topics = [...this.changed].map((topic) => {
      const counted = this.topics.get(topic) as DiscoveredTopic;
      return { ...counted, rate_per_s: Math.round((counted.messages / Math.max(1, seconds)) * 100) / 100 };
    });
    this.changed.clear();
    return { seconds: Math.round(seconds), messages: this.messages, topics, further_messages: this.further_messages };
  }
}
