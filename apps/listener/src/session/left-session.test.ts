import type { LeftSession } from '@cortex-mqtt/contracts';
import { freePort, startEmbeddedBroker, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connect, connectAsync, type IConnackPacket, type MqttClient } from 'mqtt';
import { LeftSessionEmptier } from './left-session';
import { LeftSessions } from './left-sessions';
import {
  buildBroker,
  buildDesired,
  buildSession,
  buildSubscriptions,
  loopbackOnly,
  silentLogger,
} from './session.testing';

const CREDENTIALS = { username: 'demo', password: 'demo' };
const NUMBERS = Array.from({ length: 10 }, (_, index) => `${index}`);

interface Served {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Empties under what a product subscribes to; `run` has what came, with the subscriptions it ran. */
function buildEmptier(subscriptions = buildSubscriptions('orders/#')) {
  const run: string[] = [];
  const emptier = new LeftSessionEmptier({
    egress: loopbackOnly,
    logger: silentLogger,
    limits: { messages: 100, bytes: 1_000_000 },
    subscriptions: () => subscriptions,
    onMessage: (message, route) => {
      run.push(`${message.payload.toString()} → ${route(message).join(',')}`);
      message.settle();
    },
    onDiscarded: () => undefined,
    isStopped: () => false,
    ends: () => 0,
    timing: { connect_limit_ms: 5_000 },
  });
  return { emptier, run };
}

describe.each<{ name: string; protocol_version: 4 | 5; serve(): Promise<Served> }>([
  { name: 'Mosquitto with MQTT 5', protocol_version: 5, serve: () => startMosquitto() },
  { name: 'Mosquitto with MQTT 3.1.1', protocol_version: 4, serve: () => startMosquitto() },
  {
    name: 'aedes with MQTT 3.1.1',
    protocol_version: 4,
    serve: () => startEmbeddedBroker(CREDENTIALS),
  },
])('a session that is left at $name', ({ protocol_version, serve }) => {
  let broker: Served;
  let publisher: MqttClient;

  beforeAll(async () => {
    broker = await serve();
    publisher = await connectAsync(broker.url, CREDENTIALS);
  });
  afterAll(async () => {
    await publisher.endAsync();
    await broker.stop();
  });

  const leave = async (left: LeftSession, messages: string[]): Promise<void> => {
    const owner = buildSession({ client_id: left.client_id });
    const { subscriptions, shared_group } = left;
    owner.session.start(buildDesired(left.broker, { subscriptions, shared_group }));
    await owner.reaches('connected');
    await owner.session.stop({ drain_ms: 1_000 });
    for (const message of messages) await publisher.publishAsync('orders/1', message, { qos: 1 });
  };
  const buildLeft = (overrides: Partial<LeftSession> = {}): LeftSession => ({
    id: 1,
    reason: 'client_id_changed',
    broker: buildBroker({ port: broker.port, protocol_version, ...CREDENTIALS }),
    client_id: 'cmqp1old',
    shared_group: null,
    subscriptions: buildSubscriptions('orders/#', 'orders/+'),
    ...overrides,
  });
  /** Whether the broker still keeps a session under that client id, and what comes by it. */
  const remains = async (client_id: string): Promise<{ session_present: boolean; messages: number }> => {
    let messages = 0;
    const options = { ...CREDENTIALS, clientId: client_id, clean: false, manualConnect: true } as const;
    const client = connect(broker.url, options);
    client.on('message', () => (messages += 1));
    const connack = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
    client.connect();
    const { sessionPresent } = await connack;
    // What comes for the session comes before the answer to this.
    await client.publishAsync('other', '', { qos: 1 });
    await client.endAsync();
    return { session_present: sessionPresent, messages };
  };

  it('is emptied and ended: what waited runs once, and nothing is kept', async () => {
    const left = buildLeft();
    await leave(left, NUMBERS);
    const { emptier, run } = buildEmptier();
    await emptier.empty(left);
    // MQTT 5 brings a copy for each subscription that overlaps; the second subscription is gone.
    expect(run.filter((line) => !line.endsWith('→ '))).toEqual(NUMBERS.map((number) => `${number} → 1`));
    await publisher.publishAsync('orders/1', 'later', { qos: 1 });
    expect(await remains(left.client_id)).toEqual({ session_present: false, messages: 0 });
    const again = buildEmptier();
    expect(await again.emptier.empty(left)).toBe(0);
    expect(again.run).toEqual([]);
  });

  it('is routed by the filters of when it was queued where those of today match nothing', async () => {
    const left = buildLeft({ client_id: 'cmqp1prefix', subscriptions: buildSubscriptions('orders/#') });
    await leave(left, ['moved']);
    const { emptier, run } = buildEmptier(buildSubscriptions('v2/orders/#'));
    await emptier.empty(left);
    expect(run).toEqual(['moved → 1']);
  });
});

describe('sessions that are left', () => {
  const LEFT: LeftSession = {
    id: 7,
    reason: 'broker_changed',
    broker: buildBroker({ port: 1 }),
    client_id: 'cmqp1old',
    shared_group: null,
    subscriptions: buildSubscriptions('orders/#'),
  };

  it('are reported with the reason while their broker is away, and tried again until they are ended', async () => {
    const port = await freePort();
    const left = { ...LEFT, broker: buildBroker({ port }) };
    const { emptier } = buildEmptier();
    const outcomes: { is_ended: boolean; reason: string | null }[] = [];
    const sessions = new LeftSessions({
      register: { claim: async () => 'claimed', report: async (_id, outcome) => void outcomes.push(outcome) },
      empty: (each) => emptier.empty(each),
      isReady: () => true,
      logger: silentLogger,
      timing: { look_every_ms: 5, again_after_ms: 50 },
    });
    sessions.use([left]);
    await waitFor(() => outcomes.length > 0);
    expect(outcomes[0]).toMatchObject({ is_ended: false, reason: expect.stringContaining(`${port}`) });
    const late = await startMosquitto({ port });
    await waitFor(() => outcomes.some(({ is_ended }) => is_ended));
    await sessions.stop();
    await late.stop();
  });

  it('wait until the present session is subscribed, and leave those alone that another instance empties', async () => {
    let is_ready = false;
    const asked: number[] = [];
    const emptied: number[] = [];
    const sessions = new LeftSessions({
      register: {
        claim: async (id) => {
          asked.push(id);
          return id === 7 ? 'busy' : 'claimed';
        },
        report: async () => undefined,
      },
      empty: async ({ id }) => emptied.push(id),
      isReady: () => is_ready,
      logger: silentLogger,
      timing: { look_every_ms: 5 },
    });
    sessions.use([LEFT, { ...LEFT, id: 8 }]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(asked).toEqual([]);
    is_ready = true;
    await waitFor(() => emptied.length === 1);
    expect(asked).toEqual([7, 8]);
    expect(emptied).toEqual([8]);
    await sessions.stop();
  });
});
