import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { MqttClient } from 'mqtt';
import type { ISubackPacket } from 'mqtt-packet';
import { Backoff, type BackoffTiming } from './backoff';

/** Refusals of MQTT 5 as such: CONNACK of 3.1.1, and of 5. */
const REFUSES_FIVE = new Set([0x01, 0x84]);

/**
 * Watches the first broker while another one is in use: keeps a plain connection to it, with an id of its own, and tells when
 * that has lasted long enough. Once it asks for a filter and takes it back, since a broker that grants none is of no use.
 * Tries again for as long as it runs.
 */
export class FailbackMonitor {
  /** It has been connected for long enough, and still is. */
  is_healthy = false;
  private client: MqttClient | null = null;
  private timer: NodeJS.Timeout | undefined;
  private is_running = false;
  private protocol_version: ProtocolVersion;
  private readonly backoff: Backoff;

  constructor(
    private readonly deps: {
      broker: BrokerConnection;
      client_id: string;
      /** Of the session that the broker keeps. */
      session_client_id: string;
      /** One of those that will be subscribed to, not shared; null = there is none. */
      topic_filter: string | null;
      egress: EgressPolicy;
      logger: Logger;
      healthy_for_ms: number;
      timing: BackoffTiming;
      random: () => number;
      onHealthy: () => void;
    },
  ) {
    this.protocol_version = deps.broker.protocol_version;
    this.backoff = new Backoff(deps.timing, deps.random);
  }

  start(): void {
    this.is_running = true;
    this.connect();
  }

  stop(): void {
    this.is_running = false;
    clearTimeout(this.timer);
    const { client } = this;
    this.client = null;
    client?.end(!client.connected);
  }

  /** One that is refused ends the connection, and so this try. */
  private askForFilter(client: MqttClient): void {
    const { topic_filter } = this.deps;
    if (topic_filter === null) return;
    // Retain handling 2: no retained messages (MQTT 5, 3.8.3.1).
    client.subscribe(topic_filter, { qos: 0, rh: 2 }, (_error, _sent, suback) => {
      const code = Number((suback as ISubackPacket | undefined)?.granted[0] ?? 0x80);
      if (code >= 0x80) client.end(true);
      else client.unsubscribe(topic_filter);
    });
  }

  private connect(): void {
    const { broker, client_id, egress, healthy_for_ms } = this.deps;
    // A broker that takes all connections for one client: only as the session itself may it be looked at, lest it is wiped.
    const as_session = broker.connections === 'one';
    const { options, buildStream } = buildClientOptions(as_session ? { ...broker, last_will: null } : broker, {
      client_id: as_session ? this.deps.session_client_id : client_id,
      egress,
      protocol_version: this.protocol_version,
      secondary: as_session ? undefined : { client_id },
    });
    const client = new MqttClient(buildStream, options);
    // Nothing is answered, so that what waits in it comes to the session when that connects.
    if (as_session) client.handleMessage = () => undefined;
    this.client = client;
    client.on('error', (error) => {
      if ('code' in error && REFUSES_FIVE.has(Number(error.code))) this.protocol_version = 4;
    });
    client.on('connect', () => {
      this.timer = setTimeout(() => {
        this.backoff.reset();
        this.is_healthy = true;
        this.deps.onHealthy();
      }, healthy_for_ms);
      if (!as_session) this.askForFilter(client);
    });
    client.once('close', () => {
      this.is_healthy = false;
      if (this.client !== client || !this.is_running) return;
      this.client = null;
      clearTimeout(this.timer);
      const wait_ms = this.backoff.next('failed');
      this.deps.logger.debug('the first broker is not healthy yet', { broker: broker.name, retry_in_ms: wait_ms });
      this.timer = setTimeout(() => this.connect(), wait_ms);
    });
    client.connect();
  }
}
