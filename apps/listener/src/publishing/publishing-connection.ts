import { randomBytes } from 'node:crypto';
import { ActionFault, createMqttPublisher, type Publisher } from '@cortex-mqtt/actions';
import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { MqttClient } from 'mqtt';

/** Milliseconds without a publish after which the connection is given back. */
const IDLE_MS = 60_000;
/** CONNACK reasons of a broker that does not speak MQTT 5 (MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2). */
const UNSUPPORTED_VERSION = new Set([0x01, 0x84]);

export interface PublishingConnection extends Publisher {
  /** Publishes go to this broker from now on; the connection to another one is closed. */
  use(broker: BrokerConnection | null): void;
  close(): Promise<void>;
}

/**
 * The connection of the `publish` action, apart from the receiving one: waiting for a PUBACK there while messages are
 * held back would block both. Connects at the first publish and gives the connection back when nothing is published.
 */
export function createPublishingConnection(deps: { egress: EgressPolicy; logger: Logger }): PublishingConnection {
  let broker: BrokerConnection | null = null;
  let version: ProtocolVersion = 5;
  let client: MqttClient | null = null;
  let connecting: Promise<void> | null = null;
  let idle: NodeJS.Timeout | null = null;
  let under_way = 0;
  const publisher = createMqttPublisher({ client: () => client });

  const drop = (): void => {
    if (idle) clearTimeout(idle);
    idle = null;
    client?.end(true);
    client = null;
    connecting = null;
  };

  const open = (to: BrokerConnection): Promise<void> =>
    new Promise((resolve, reject) => {
      const client_id = `cmqp${randomBytes(8).toString('hex')}`;
      const { options, buildStream } = buildClientOptions(to, {
        client_id,
        egress: deps.egress,
        protocol_version: version,
        secondary: { client_id },
      });
      const made = new MqttClient(buildStream, options);
      const fail = (error: Error): void => {
        made.end(true);
        reject(error);
      };
      made.once('connect', () => {
        client = made;
        resolve();
      });
      made.on('error', (error) => fail(error));
      made.once('close', () => {
        if (client === made) drop();
        fail(new Error('the broker closed the connection'));
      });
      made.connect();
    });

  const connect = async (to: BrokerConnection): Promise<void> => {
    try {
      await open(to);
    } catch (error) {
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
      if (version !== 5 || !UNSUPPORTED_VERSION.has(code as number)) throw error;
      version = 4;
      await open(to);
    }
  };

  const ready = async (): Promise<void> => {
    if (client?.connected) return;
    const to = broker;
    if (to === null)
      throw new ActionFault('no broker is configured', { permanent: false, detail: { code: 'NOT_CONNECTED' } });
    connecting ??= connect(to).finally(() => {
      connecting = null;
    });
    try {
      await connecting;
    } catch (error) {
      deps.logger.warn('connection for publishing failed', { broker: to.name, error });
      throw new ActionFault(`cannot connect to publish: ${(error as Error).message}`, {
        permanent: false,
        detail: { code: 'NOT_CONNECTED' },
        cause: error,
      });
    }
  };

  return {
    get supports_properties() {
      return version === 5;
    },
    use(next) {
      if (broker !== null && JSON.stringify(broker) === JSON.stringify(next)) return;
      broker = next;
      version = next?.protocol_version ?? 5;
      drop();
    },
    async publish(request, options) {
      under_way += 1;
      if (idle) clearTimeout(idle);
      try {
        await ready();
        await publisher.publish(request, options);
      } finally {
        under_way -= 1;
        if (under_way === 0 && client) idle = setTimeout(drop, IDLE_MS).unref();
      }
    },
    async close() {
      drop();
    },
  };
}
