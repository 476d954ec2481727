import { isDeepStrictEqual } from 'node:util';
import {
  ActionFault,
  createMqttPublisher,
  limitsOf,
  NO_LIMITS,
  type Publisher,
  type PublishLimits,
  type PublishOptions,
  type PublishRequest,
  withTimeLimit,
} from '@cortex-mqtt/actions';
import type { BrokerConnection, ProtocolVersion } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { buildClientOptions, diagnoseFailure } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import { MqttClient } from 'mqtt';
import { Backoff, type BackoffTiming, DEFAULT_BACKOFF } from './backoff';
import { endClient } from './end-client';

export interface PublishConnectionDeps {
  /** The broker in use, null while there is none: `session.activeBroker()`. */
  broker: () => BrokerConnection | null;
  /** Of the session; this connection has one of its own, made from it. */
  client_id: string;
  /** Makes its own id of the session's; default `P`. A second connection to one broker needs another. */
  suffix?: string;
  /** Why no further connection may be opened to that broker; null when one may. */
  refusal?: (broker: BrokerConnection) => string | null;
  onConnack?: (broker: BrokerConnection) => void;
  egress: EgressPolicy;
  logger: Logger;
  /** Without a publish for this long the connection is closed. */
  idle_close_ms?: number;
  timing?: BackoffTiming;
  random?: () => number;
}

/** What `publish` actions publish on. */
export interface PublishConnection extends Publisher {
  stop(): Promise<void>;
}

const DEFAULT_IDLE_CLOSE_MS = 60_000;
/** Publishes that wait for PUBACK at once, where the broker allows more or doesn't tell (MQTT 5, 3.2.2.3.3). */
const MAX_OUTSTANDING = 500;
const REFUSES_FIVE = new Set([0x01, 0x84]);

/** One connection, from the attempt on. */
interface Connection {
  broker: BrokerConnection;
  client: MqttClient;
  /** Resolves with CONNACK, rejects with an ActionFault. */
  ready: Promise<void>;
  /** What the broker takes, as it said in CONNACK. */
  limits: PublishLimits;
  max_outstanding: number;
  /** Publishes under way, those that wait for the connection or their turn included. */
  users: number;
  outstanding: number;
  waiting: (() => void)[];
}

/**
 * A connection of its own for publishing: waiting for PUBACK on the receiving one would wait behind the messages that wait for
 * it. It is opened by the first publish and closed when none comes; after a failure publishes fail at once until the next
 * try is due. A publish succeeds when the broker has confirmed it (QoS 1, 2), or it was written (QoS 0).
 */
export function createPublishConnection(deps: PublishConnectionDeps): PublishConnection {
  return new LazyPublishConnection(deps);
}

class LazyPublishConnection implements PublishConnection {
  private connection: Connection | null = null;
  private readonly backoff: Backoff;
  private not_before_ms = 0;
  private last_fault: ActionFault | null = null;
  private idle_timer: NodeJS.Timeout | undefined;
  /** The broker that was found to speak 3.1.1 only. */
  private without_five: BrokerConnection | null = null;
  private is_stopped = false;

  constructor(private readonly deps: PublishConnectionDeps) {
    this.backoff = new Backoff(deps.timing ?? DEFAULT_BACKOFF, deps.random);
  }

  get supports_properties(): boolean {
    const broker = this.deps.broker();
    return broker !== null && this.versionFor(broker) === 5;
  }

  async publish(request: PublishRequest, options: PublishOptions): Promise<void> {
    const connection = this.current();
    connection.users += 1;
    try {
      await this.publishOn(connection, request, options);
    } finally {
      connection.users -= 1;
      this.watchIdle();
    }
  }

  private async publishOn(connection: Connection, request: PublishRequest, options: PublishOptions): Promise<void> {
    // Connecting is the broker's time, as the confirmation is. Waiting for a turn between them is ours.
    await withTimeLimit((signal) => untilAborted(connection.ready, signal), options);
    const publisher = createMqttPublisher({ client: () => connection.client, limits: () => connection.limits });
    if (request.qos === 0) return publisher.publish(request, options);
    await this.takeTurn(connection, options.signal);
    try {
      await publisher.publish(request, options);
    } finally {
      connection.outstanding -= 1;
      connection.waiting.shift()?.();
    }
  }

  async stop(): Promise<void> {
    this.is_stopped = true;
    clearTimeout(this.idle_timer);
    const { connection } = this;
    this.connection = null;
    if (connection) await end(connection);
  }

  /** The connection to the broker in use, opened now if there is none. Throws while the next try isn't due. */
  private current(): Connection {
    const broker = this.deps.broker();
    if (broker === null || this.is_stopped) throw fault('there is no broker to publish to');
    if (this.connection && !isDeepStrictEqual(this.connection.broker, broker)) {
      const old = this.connection;
      this.connection = null;
      this.not_before_ms = 0;
      this.backoff.reset();
      end(old).catch((error: unknown) => this.deps.logger.warn('the old publishing connection did not end', { error }));
    }
    if (!this.connection) {
      const refusal = this.deps.refusal?.(broker) ?? null;
      if (refusal !== null) throw refused(refusal, broker);
      if (Date.now() < this.not_before_ms && this.last_fault) throw this.last_fault;
      this.connection = this.open(broker);
    }
    this.watchIdle();
    return this.connection;
  }

  private open(broker: BrokerConnection): Connection {
    const client_id = `${broker.client_id ?? this.deps.client_id}${this.deps.suffix ?? 'P'}`;
    const protocol_version = this.versionFor(broker);
    const { options, buildStream } = buildClientOptions(broker, {
      client_id,
      egress: this.deps.egress,
      protocol_version,
      secondary: { client_id },
    });
    const client = new MqttClient(buildStream, options);
    let cause: Error | null = null;
    client.on('error', (error) => {
      cause ??= error as Error;
    });
    const ready = new Promise<void>((resolve, reject) => {
      client.once('connect', ({ properties }) => {
        this.backoff.reset();
        this.deps.onConnack?.(broker);
        connection.limits = limitsOf(properties);
        connection.max_outstanding = Math.min(properties?.receiveMaximum ?? MAX_OUTSTANDING, MAX_OUTSTANDING);
        resolve();
      });
      client.once('close', () =>
        setImmediate(() => {
          const is_ours = this.connection !== connection;
          if (!is_ours) this.connection = null;
          // So that publishes that wait for PUBACK fail now.
          client.end(true);
          for (const wake of connection.waiting.splice(0)) wake();
          if (this.refusesFive(cause, protocol_version)) {
            this.without_five = broker;
            reject(fault('the broker does not take MQTT 5; the next try uses 3.1.1'));
            return;
          }
          if (is_ours) {
            reject(fault('the connection was closed'));
            return;
          }
          const { cause: words } = diagnoseFailure('connect', cause ?? { kind: 'closed' }, { broker });
          this.last_fault = fault(words);
          this.not_before_ms = Date.now() + this.backoff.next('failed');
          reject(this.last_fault);
        }),
      );
    });
    // Whoever publishes sees it; with nobody waiting it is no news.
    ready.catch(() => undefined);
    const connection: Connection = {
      broker,
      client,
      ready,
      limits: NO_LIMITS,
      max_outstanding: 1,
      users: 0,
      outstanding: 0,
      waiting: [],
    };
    client.connect();
    return connection;
  }

  private versionFor(broker: BrokerConnection): ProtocolVersion {
    return this.without_five !== null && isDeepStrictEqual(this.without_five, broker) ? 4 : broker.protocol_version;
  }

  private refusesFive(cause: Error | null, version: ProtocolVersion): boolean {
    return version === 5 && cause !== null && 'code' in cause && REFUSES_FIVE.has(Number(cause.code));
  }

  /** The broker takes only so many at once; the others wait here. */
  private async takeTurn(connection: Connection, signal: AbortSignal): Promise<void> {
    while (connection.outstanding >= connection.max_outstanding && connection.client.connected) {
      let wake = (): void => undefined;
      const turn = new Promise<void>((resolve) => {
        wake = resolve;
      });
      connection.waiting.push(wake);
      try {
        await untilAborted(turn, signal);
      } catch (error) {
        const index = connection.waiting.indexOf(wake);
        // Woken and out of time at once: the turn goes to the next.
        if (index === -1) connection.waiting.shift()?.();
        else connection.waiting.splice(index, 1);
        throw error;
      }
    }
    connection.outstanding += 1;
  }

  private watchIdle(): void {
    clearTimeout(this.idle_timer);
    if (this.is_stopped) return;
    this.idle_timer = setTimeout(() => {
      const { connection } = this;
      if (!connection || connection.users > 0) return;
      this.connection = null;
      end(connection).catch((error: unknown) =>
        this.deps.logger.warn('the idle publishing connection did not end', { error }),
      );
    }, this.deps.idle_close_ms ?? DEFAULT_IDLE_CLOSE_MS);
    this.idle_timer.unref();
  }
}

/** By choice it stays so; where further connections did harm, it is retried later. */
const refused = (reason: string, { connections }: BrokerConnection): ActionFault =>
  new ActionFault(`publishing takes a connection of its own, and ${reason}`, {
    permanent: connections === 'one',
    detail: { code: 'NOT_CONNECTED' },
  });

const fault = (message: string): ActionFault =>
  new ActionFault(message, { permanent: false, detail: { code: 'NOT_CONNECTED' } });

/** What still waits for its PUBACK fails now, and is retried by its action. */
async function end({ client, outstanding }: Connection): Promise<void> {
  if (outstanding > 0) client.end(true);
  else await endClient(client);
}

/** Rejects when the attempt has no time left; the work itself continues for the others. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () =>
      reject(new ActionFault('no connection to publish on in time', { permanent: false, detail: { code: 'TIMEOUT' } }));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
