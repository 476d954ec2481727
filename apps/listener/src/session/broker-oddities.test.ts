import { probeConnection } from '@cortex-mqtt/mqtt';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { IConnackPacket } from 'mqtt-packet';
import { type ScriptedBroker, type ScriptedBrokerOptions, startScriptedBroker } from './scripted-broker.testing';
import { buildBroker, buildDesired, buildSession, buildSubscriptions, loopbackOnly } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function startScript(options: ScriptedBrokerOptions = {}): Promise<ScriptedBroker> {
  const broker = await startScriptedBroker(options);
  cleanups.push(() => broker.stop());
  return broker;
}

function buildTested() {
  const tested = buildSession();
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  return tested;
}

/** Does that instead of a CONNACK. */
const silently = (act: () => unknown): null => {
  act();
  return null;
};

describe('a broker that does not take MQTT 5', () => {
  const ANSWERS: [string, (broker: ScriptedBroker) => Partial<IConnackPacket> | null][] = [
    ['resets the connection', (broker) => silently(() => broker.connections.at(-1)?.socket.resetAndDestroy())],
    ['hangs up', (broker) => silently(() => broker.connections.at(-1)?.socket.end())],
    ['says malformed packet (0x81)', () => ({ reasonCode: 0x81, returnCode: 0x81 })],
    ['says unsupported version (0x84)', () => ({ reasonCode: 0x84, returnCode: 0x84 })],
    ['keeps silent', () => null],
  ];

  it.each(ANSWERS)('and %s is spoken to in 3.1.1, by the live session as by the test', async (_how, answer) => {
    const broker: ScriptedBroker = await startScript({
      connack: ({ protocolVersion }) => (protocolVersion === 5 ? answer(broker) : {}),
    });
    const settings = buildBroker({ port: broker.port, connect_timeout_s: 1 });
    const { session, reaches } = buildTested();
    session.start(buildDesired(settings));
    await reaches('connected');
    expect(session.snapshot().broker_info).toMatchObject({ protocol_version: '3.1.1' });
    expect(session.snapshot().warnings).toMatchObject([{ code: 'PROTOCOL_FALLBACK' }]);

    const result = await probeConnection(
      { id: 'x', broker: settings, topic_filters: [], roundtrip_topic: null, timeout_ms: 8_000 },
      { egress: loopbackOnly, tested_from: 'here' },
    );
    expect(result).toMatchObject({ status: 'success', broker_info: { protocol_version: '3.1.1' } });
    expect(result.warnings).toMatchObject([{ code: 'PROTOCOL_FALLBACK' }]);
  });

  it('is not assumed where it says that the credentials are wrong', async () => {
    const broker = await startScript({ connack: () => ({ reasonCode: 0x86, returnCode: 0x86 }) });
    const { session, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('disconnected');
    await broker.connection(2);
    expect(broker.connections.map(({ connect }) => connect.protocolVersion)).toEqual([5, 5]);
  });
});

describe('a broker with limits that it does not tell', () => {
  it('gets fewer filters in a SUBSCRIBE each time it hangs up on one, and the end is one of subscribing', async () => {
    const sizes: number[] = [];
    const broker = await startScript({
      onPacket: (packet, { socket }) => {
        if (packet.cmd !== 'subscribe') return false;
        sizes.push(packet.subscriptions.length);
        if (packet.subscriptions.length <= 2) return false;
        socket.destroy();
        return true;
      },
    });
    const { session, reaches, events, eventTypes } = buildTested();
    const filters = Array.from({ length: 20 }, (_, index) => `line/${index}`);
    session.start(
      buildDesired(buildBroker({ port: broker.port, protocol_version: 4 }), {
        subscriptions: buildSubscriptions(...filters),
      }),
    );
    await reaches('connected');
    expect(Math.max(...sizes)).toBe(8);
    expect(session.snapshot().topic_filters.every(({ granted_qos }) => granted_qos === 1)).toBe(true);
    const ends = events.filter(({ type }) => type === 'disconnected').map(({ detail }) => detail.code);
    expect(ends).toEqual(['CLOSED_AT_SUBSCRIBE', 'CLOSED_AT_SUBSCRIBE']);
    expect(eventTypes()).not.toContain('taken_over');
  });

  it('and admits one exact client id gets all filters on one connection, and the reason names the lane', async () => {
    const broker = await startScript({
      connack: ({ clientId }) => (clientId === 'only-this' ? {} : { returnCode: 2, reasonCode: 2 }),
    });
    const { session, reaches } = buildTested();
    session.start(
      buildDesired(buildBroker({ port: broker.port, protocol_version: 4, client_id: 'only-this' }), {
        subscriptions: buildSubscriptions('a/+/c', 'a/b/+'),
      }),
    );
    await waitFor(() => session.snapshot().warnings.some(({ code }) => code === 'AMBIGUOUS_OVERLAP'));
    await reaches('connected');
    const granted = () => session.snapshot().topic_filters.map(({ granted_qos }) => granted_qos);
    await waitFor(() => granted().length === 2 && granted().every((qos) => qos === 1));
    const { warnings } = session.snapshot();
    const overlap = warnings.find(({ code }) => code === 'AMBIGUOUS_OVERLAP');
    expect(overlap?.message).toMatch(/"only-thisL2".*lane 2.*"a\/b\/\+"/);
  });
});

describe('a broker that keeps no session', () => {
  it('is said to lose one once, and then that it keeps none', async () => {
    const broker = await startScript({ connack: () => ({ sessionPresent: false }) });
    const { session, reaches, eventTypes } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    for (let ordinal = 1; ordinal <= 4; ordinal += 1) {
      const connection = await broker.connection(ordinal);
      await reaches('connected');
      if (ordinal < 4) connection.socket.destroy();
      await waitFor(() => eventTypes().filter((type) => type === 'disconnected').length === Math.min(ordinal, 3));
    }
    expect(eventTypes().filter((type) => type === 'session_lost')).toHaveLength(1);
    expect(session.snapshot().warnings.map(({ code }) => code)).toContain('SESSIONS_NOT_KEPT');
  });
});

it('a link that flaps under MQTT 5 is not taken for another client', async () => {
  const broker = await startScript();
  const { session, reaches, eventTypes } = buildTested();
  session.start(buildDesired(buildBroker({ port: broker.port })));
  for (let ordinal = 1; ordinal <= 5; ordinal += 1) {
    const connection = await broker.connection(ordinal);
    await reaches('connected');
    connection.socket.destroy();
    await waitFor(() => eventTypes().filter((type) => type === 'disconnected').length === ordinal);
  }
  expect(eventTypes()).not.toContain('taken_over');
  expect(eventTypes()).toContain('flapping');
  expect(session.snapshot().warnings).toMatchObject([{ code: 'CONNECTION_FLAPS' }]);
});

it('shows no filter as granted while it is not connected', async () => {
  const broker = await startScript();
  const { session, reaches } = buildTested();
  session.start(buildDesired(buildBroker({ port: broker.port })));
  await reaches('connected');
  await broker.stop();
  await reaches('disconnected');
  expect(session.snapshot().topic_filters).toMatchObject([{ topic_filter: 'orders/#', granted_qos: null }]);
});

it('keeps alive as the server asks, also where the settings ask for nothing', async () => {
  const broker = await startScript({ connack: () => ({ properties: { serverKeepAlive: 1 } }) });
  const { session, reaches } = buildTested();
  session.start(buildDesired(buildBroker({ port: broker.port, keep_alive: 0 })));
  await reaches('connected');
  await waitFor(() => (broker.connections[0]?.of('pingreq').length ?? 0) > 0);
});

it('leaves a broker that grants nothing for the next of the list, and does not go back to it', async () => {
  const granting = await startMosquitto();
  cleanups.push(() => granting.stop());
  const refusing = await startScript({
    onPacket: (packet, connection) => {
      if (packet.cmd !== 'subscribe') return false;
      const granted = packet.subscriptions.map(() => 0x87);
      connection.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
      return true;
    },
  });
  const { session, reaches, events } = buildTested();
  const failover = { subscribe_on: 'one', after_s: 0.2, failback_after_s: 0.2 } as const;
  const brokers = [buildBroker({ port: refusing.port }), buildBroker({ port: granting.port, name: 'second' })];
  session.start(buildDesired(brokers, { failover }));
  await waitFor(() => session.snapshot().broker?.name === 'second');
  await reaches('connected');
  // The monitor has asked the first one several times.
  const asked = () => refusing.connections.filter(({ connect }) => connect.clientId.endsWith('F')).length;
  await waitFor(() => asked() >= 3);
  expect(events.map(({ type }) => type).filter((type) => type === 'failback')).toEqual([]);
  expect(session.snapshot().broker?.name).toBe('second');
});
