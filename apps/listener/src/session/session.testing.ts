import type { BrokerConnection, ConnectionEvent } from '@cortex-mqtt/contracts';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import type { Logger } from '@cortex-mqtt/observability';
import { waitFor } from '@cortex-mqtt/testing';
import type { IncomingMessage } from './incoming-message';
import { createMqttSession, type DesiredSession, type MqttSession, type MqttSessionDeps } from './mqtt-session';
import type { PlannedSubscription } from './subscription-plan';

export function buildBroker(overrides: Partial<BrokerConnection> & { port: number }): BrokerConnection {
  return {
    name: 'primary',
    host: '127.0.0.1',
    transport: 'tcp',
    path: null,
    proxy_url: null,
    proxy_username: null,
    proxy_password: null,
    verify_cert: true,
    username: null,
    password: null,
    client_id: null,
    keep_alive: 60,
    clean_session: false,
    protocol_version: 5,
    session_expiry_s: 3_600,
    connect_timeout_s: 5,
    server_name: null,
    alpn_protocols: [],
    ca_cert: null,
    client_cert: null,
    client_key: null,
    client_key_passphrase: null,
    receive_maximum: null,
    user_properties: {},
    last_will: null,
    ...overrides,
  };
}

/** Subscriptions with ids 1, 2, … and QoS 1. */
export function buildSubscriptions(...filters: string[]): PlannedSubscription[] {
  return filters.map((topic_filter, index) => ({ id: index + 1, topic_filter, qos: 1 }));
}

export function buildDesired(
  broker: BrokerConnection | BrokerConnection[],
  overrides: Partial<DesiredSession> = {},
): DesiredSession {
  return {
    brokers: [broker].flat(),
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: null,
    subscriptions: buildSubscriptions('orders/#'),
    ...overrides,
  };
}

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
  isEnabled: () => false,
};

export const loopbackOnly = createEgressPolicy({ allow: ['loopback'] });

/** A message with the subscriptions it was routed to when it came. */
export interface Arrival {
  message: IncomingMessage;
  text: string;
  subscription_ids: readonly number[];
}

export interface TestedSession {
  session: MqttSession;
  arrivals: Arrival[];
  events: ConnectionEvent[];
  texts(): string[];
  eventTypes(): string[];
  /** Resolves once the state is that. */
  reaches(state: string): Promise<void>;
}

/** Settles each message as it comes unless `onArrival` is given. Waits between tries are short. */
export function buildSession(
  overrides: Partial<MqttSessionDeps> & {
    onArrival?: (arrival: Arrival) => void;
    create?: (deps: MqttSessionDeps) => MqttSession;
  } = {},
): TestedSession {
  const arrivals: Arrival[] = [];
  const events: ConnectionEvent[] = [];
  const { onArrival = ({ message }: Arrival) => message.settle(), create = createMqttSession, ...deps } = overrides;
  const session = create({
    client_id: 'cmqp1itest',
    egress: loopbackOnly,
    logger: silentLogger,
    onMessage: (message) => {
      const arrival = { message, text: message.payload.toString(), subscription_ids: session.route(message) };
      arrivals.push(arrival);
      onArrival(arrival);
    },
    ...deps,
    timing: { base_delay_ms: 20, max_delay_ms: 100, refused_delay_ms: 50, refused_max_delay_ms: 100, ...deps.timing },
  });
  session.on('event', (event) => events.push(event));
  return {
    session,
    arrivals,
    events,
    texts: () => arrivals.map(({ text }) => text),
    eventTypes: () => events.map(({ type }) => type),
    reaches: async (state) => {
      await waitFor(() => session.snapshot().state === state, {
        message: () => `state ${state}, is ${JSON.stringify(session.snapshot())}`,
      });
    },
  };
}
