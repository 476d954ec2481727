import { type IClientOptions, type MqttClient, connectAsync } from 'mqtt';

/** A client that publishes what tests send. */
export interface Publisher {
  client: MqttClient;
  /** Resolves when the broker has accepted it. */
  publish(topic: string, payload: string | Buffer, options?: { qos?: 0 | 1 | 2; id?: string }): Promise<void>;
  /** Publishes numbered messages until `stop()`; see {@link Stream}. */
  stream(options: StreamOptions): Stream;
  end(): Promise<void>;
}

export interface StreamOptions {
  topic: string;
  per_second: number;
  /** Messages that have come through so far: the stream pauses while they are too far behind, as on a slow machine. */
  through: () => number;
}

/** Messages `{"n": 0}`, `{"n": 1}`, … at QoS 1, each with its number as `message-id`. */
export interface Stream {
  /** Accepted by the broker: what must not be lost. */
  accepted(): number;
  /** Resolves with the count when every message sent is accepted. */
  stop(): Promise<number>;
}

const TICK_MS = 20;
/** Messages that may be on their way before the stream pauses. */
const MAX_AHEAD = 5_000;

/** Lines of mosquitto.conf for a load: without a log line for each packet. */
export const FOR_LOAD = [
  ...['none', 'error', 'warning', 'notice', 'information'].map((type) => `log_type ${type}`),
  'max_queued_messages 0',
];

export async function startPublisher(url: string, options: IClientOptions = {}): Promise<Publisher> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 200, ...options });
  const timers = new Set<NodeJS.Timeout>();
  client.on('error', () => undefined); // It connects again by itself.
  return {
    client,
    async publish(topic, payload, { qos = 1, id } = {}) {
      await client.publishAsync(topic, payload, {
        qos,
        ...(id === undefined ? {} : { properties: { userProperties: { 'message-id': id } } }),
      });
    },
    stream({ topic, per_second, through }) {
      const pending: Promise<unknown>[] = [];
      let ticked_at = Date.now();
      let due = 0;
      let sent = 0;
      let accepted = 0;
      const timer = setInterval(() => {
        const now = Date.now();
        due += ((now - ticked_at) / 1000) * per_second;
        ticked_at = now;
        if (sent - through() > MAX_AHEAD) due = sent;
        for (; sent < due; sent += 1) {
          const id = String(sent);
          const properties = { userProperties: { 'message-id': id } };
          pending.push(
            client
              .publishAsync(topic, `{"n":${id}}`, { qos: 1, properties })
              .then(() => {
                accepted += 1;
              })
              // The client was ended, by a test that failed: its own error is what counts.
              .catch(() => undefined),
          );
        }
      }, TICK_MS);
      timers.add(timer);
      return {
        accepted: () => accepted,
        async stop() {
          clearInterval(timer);
          await Promise.all(pending);
          return sent;
        },
      };
    },
    async end() {
      for (const timer of timers) clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
