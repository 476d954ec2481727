import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { topicMatches } from '@cortex-mqtt/mqtt';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { ISubscribePacket, Packet } from 'mqtt-packet';
import { type ScriptedBroker, type ScriptedConnection, startScriptedBroker } from './scripted-broker.testing';
import { buildBroker, buildDesired, buildSession, buildSubscriptions, silentLogger } from './session.testing';
import { ReportedSessions } from './reported-sessions';
import { createFileLedger, createMemoryLedger, createTermLedger, type KnownSession } from './subscription-ledger';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function startScript(options: Parameters<typeof startScriptedBroker>[0] = {}): Promise<ScriptedBroker> {
  const broker = await startScriptedBroker(options);
  cleanups.push(() => broker.stop());
  return broker;
}

function buildTested(overrides: Parameters<typeof buildSession>[0] = {}) {
  const tested = buildSession(overrides);
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  return tested;
}

const subscribed = (connection: ScriptedConnection): string[] =>
  connection.of('subscribe').flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic));

describe('a new process', () => {
  it('unsubscribes what was taken away while none ran, and asks for all the others', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cortex-ledger-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const broker = await startScript();
    const settings = buildBroker({ port: broker.port });

    const before = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    before.session.start(buildDesired(settings, { subscriptions: buildSubscriptions('a', 'b', 'c') }));
    await before.reaches('connected');
    await before.session.stop({ drain_ms: 0 });

    const after = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    after.session.start(
      buildDesired(settings, {
        subscriptions: [
          { id: 2, topic_filter: 'b', qos: 1 },
          { id: 3, topic_filter: 'c', qos: 1 },
          { id: 4, topic_filter: 'd', qos: 1 },
        ],
      }),
    );
    const connection = await broker.connection(2);
    await after.reaches('connected');
    expect(subscribed(connection)).toEqual(['d', 'b', 'c']);
    expect(connection.of('unsubscribe').map(({ unsubscriptions }) => unsubscriptions)).toEqual([['a']]);
  });

  describe('that has no notes', () => {
    const reported = (broker: BrokerConnection, seen_at_ms: number) => {
      const sessions = new ReportedSessions();
      const { host, port } = broker;
      const seen_at = new Date(seen_at_ms).toISOString();
      sessions.replace([{ host, port, client_id: 'cmqp1itest', seen_at, expiry_s: 3_600 }]);
      return sessions;
    };

    it('tells by what others reported that the broker has lost the session, be it told before or after it connects', async () => {
      for (const is_told_first of [true, false]) {
        const settings = buildBroker({ port: (await startScript()).port });
        const sessions = is_told_first ? reported(settings, Date.now()) : new ReportedSessions();
        const { session, reaches, eventTypes } = buildTested({ reported: sessions });
        session.start(buildDesired(settings));
        await reaches('connected');
        expect(eventTypes().includes('session_lost')).toBe(is_told_first);
        if (!is_told_first) {
          const { host, port } = settings;
          const seen_at = new Date().toISOString();
          sessions.replace([{ host, port, client_id: 'cmqp1itest', seen_at, expiry_s: 3_600 }]);
          session.learn();
        }
        expect(eventTypes().filter((type) => type === 'session_lost')).toHaveLength(1);
        expect(session.snapshot().warnings.map(({ code }) => code)).toEqual(['SESSION_LOST']);
        // It is known now, and told once.
        session.learn();
        await session.reconnect();
        await reaches('connected');
        expect(eventTypes().filter((type) => type === 'connected')).toHaveLength(2);
      }
    });

    it('says nothing of a session that has expired, or that is there', async () => {
      const expired = buildBroker({ port: (await startScript()).port });
      const without = buildTested({ reported: reported(expired, Date.now() - 3_700_000) });
      without.session.start(buildDesired(expired));
      await without.reaches('connected');
      expect(without.eventTypes()).toEqual(['connected']);

      const kept = buildBroker({ port: (await startScript({ connack: () => ({ sessionPresent: true }) })).port });
      const found = buildTested({ reported: reported(kept, Date.now()) });
      found.session.start(buildDesired(kept));
      await found.reaches('connected');
      expect(found.eventTypes()).toEqual(['connected']);
    });
  });

  it('tells when the broker lost the session that an earlier one had', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cortex-ledger-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const broker = await startScript({ connack: () => ({ sessionPresent: false }) });
    const desired = buildDesired(buildBroker({ port: broker.port }));
    const before = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    before.session.start(desired);
    await before.reaches('connected');
    await before.session.stop({ drain_ms: 0 });
    expect(before.eventTypes()).not.toContain('session_lost');

    const after = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    after.session.start(desired);
    await after.reaches('connected');
    expect(after.eventTypes()).toContain('session_lost');
    expect(subscribed(broker.connections[1]!)).toEqual(['orders/#']);
  });

  describe('without a session at the broker', () => {
    const EMPTY = { record: { confirmed: [], unsure: [] }, retired: [], lanes: 1 };
    const hour_ago_ms = Date.now() - 3_600_000;

    async function connectWith(
      noted: KnownSession | null | 'nothing',
      { settings = {}, suspects = [] }: { settings?: Partial<BrokerConnection>; suspects?: string[] } = {},
    ): Promise<string[]> {
      const broker = await startScript({ connack: () => ({ sessionPresent: false }) });
      const ledger = createMemoryLedger();
      if (noted !== 'nothing')
        ledger.save(`127.0.0.1:${broker.port} cmqp1itest`, { ...EMPTY, session: noted, term: 1 });
      const { session, reaches, eventTypes } = buildTested({ ledger: createTermLedger(ledger, { term: 2, suspects }) });
      session.start(buildDesired(buildBroker({ port: broker.port, ...settings })));
      await reaches('connected');
      return eventTypes();
    }

    it('tells nothing of a loss when there was none before: filters that others may have sent are no session', async () => {
      expect(await connectWith('nothing', { suspects: ['orders/#'] })).toEqual(['connected']);
    });

    it('tells nothing of a loss when its time was over, or it was given up', async () => {
      expect(await connectWith({ seen_at_ms: hour_ago_ms, expiry_s: 1_800 })).toEqual(['connected']);
      expect(await connectWith(null)).toEqual(['connected']);
      const kept = { seen_at_ms: hour_ago_ms, expiry_s: 86_400 };
      expect(await connectWith(kept, { settings: { clean_session: true } })).toEqual(['connected']);
    });

    it('tells the loss of one whose time was not over', async () => {
      expect(await connectWith({ seen_at_ms: hour_ago_ms, expiry_s: 86_400 })).toContain('session_lost');
      expect(await connectWith({ seen_at_ms: 0, expiry_s: null })).toContain('session_lost');
    });

    it('expects none back from a broker that keeps none', async () => {
      const broker = await startScript({
        connack: () => ({ sessionPresent: false, properties: { sessionExpiryInterval: 0 } }),
      });
      const { session, reaches, eventTypes } = buildTested();
      session.start(buildDesired(buildBroker({ port: broker.port })));
      await reaches('connected');
      broker.connections[0]!.socket.destroy();
      await broker.connection(2);
      await reaches('connected');
      expect(eventTypes()).not.toContain('session_lost');
    });

    it('expects none back after a clean one', async () => {
      const broker = await startScript({ connack: () => ({ sessionPresent: false }) });
      const { session, reaches, eventTypes } = buildTested();
      const settings = buildBroker({ port: broker.port });
      session.start(buildDesired(settings));
      await reaches('connected');
      for (const clean_session of [true, false]) {
        const { length } = broker.connections;
        await session.reconcile(buildDesired({ ...settings, clean_session }));
        await broker.connection(length + 1);
        await reaches('connected');
      }
      expect(eventTypes()).not.toContain('session_lost');
    });
  });

  it('leads messages that were queued under an identifier of before to the filter it stood for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cortex-ledger-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const broker = await startScript();
    const settings = buildBroker({ port: broker.port });
    const before = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    before.session.start(
      buildDesired(settings, {
        subscriptions: [
          { id: 5, topic_filter: 'a/#', qos: 1 },
          { id: 7, topic_filter: '#', qos: 1 },
          { id: 9, topic_filter: 'a/#', qos: 1 },
        ],
      }),
    );
    await before.reaches('connected');
    await before.session.stop({ drain_ms: 0 });

    const after = buildTested({ ledger: createFileLedger({ directory, logger: silentLogger }) });
    after.session.start(
      buildDesired(settings, {
        subscriptions: [
          { id: 7, topic_filter: '#', qos: 1 },
          { id: 9, topic_filter: 'a/#', qos: 1 },
        ],
      }),
    );
    const connection = await broker.connection(2);
    connection.send({
      cmd: 'publish',
      topic: 'a/x',
      payload: 'queued',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
      properties: { subscriptionIdentifier: 5 },
    });
    await waitFor(() => after.arrivals.length === 1);
    expect(after.arrivals[0]!.subscription_ids).toEqual([9]);
  });
});

/** A broker of 3.1.1 that sends a copy for every filter of the client that matches. */
async function startCopyingBroker() {
  const filters = new Map<ScriptedConnection, Set<string>>();
  const filtersOf = (connection: ScriptedConnection) => {
    const own = filters.get(connection) ?? new Set<string>();
    filters.set(connection, own);
    return own;
  };
  const broker = await startScript({
    connack: ({ protocolVersion }) => (protocolVersion === 5 ? { reasonCode: 0x84 } : {}),
    onPacket: (packet: Packet, connection) => {
      if (packet.cmd === 'subscribe') {
        for (const { topic } of (packet as ISubscribePacket).subscriptions) filtersOf(connection).add(topic);
      }
      if (packet.cmd === 'unsubscribe') for (const topic of packet.unsubscriptions) filtersOf(connection).delete(topic);
      return false;
    },
  });
  let messageId = 0;
  const publish = (topic: string, payload: string) => {
    for (const [connection, own] of filters) {
      for (const filter of own) {
        if (!topicMatches(filter, topic)) continue;
        messageId += 1;
        connection.send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId });
      }
    }
  };
  const held = () => [...filters.values()].flatMap((own) => [...own]).sort();
  return { broker, publish, held };
}

describe('lanes, with a broker of 3.1.1 that sends a copy for each filter', () => {
  it('run each of the overlapping subscriptions once, on connections with ids of their own', async () => {
    const { broker, publish, held } = await startCopyingBroker();
    const { session, arrivals, reaches } = buildTested();
    const filters = ['a/+/c', 'a/b/+', 'a/b/c', 'x/#'];
    const settings = buildBroker({ port: broker.port });
    session.start(buildDesired(settings, { subscriptions: buildSubscriptions(...filters) }));
    await reaches('connected');
    await waitFor(() => session.snapshot().topic_filters.filter(({ granted_qos }) => granted_qos === 1).length === 3);
    await waitFor(() => broker.connections.filter((connection) => subscribed(connection).length > 0).length === 2);

    publish('a/b/c', 'all');
    publish('x/1', 'last');
    const executed = (text: string) =>
      arrivals.filter((arrival) => arrival.text === text).flatMap(({ subscription_ids }) => subscription_ids);
    await waitFor(() => executed('all').length >= 3 && executed('last').length >= 1);
    expect(executed('all').sort()).toEqual([1, 2, 3]);
    expect(executed('last')).toEqual([4]);
    const ids = broker.connections.filter((each) => subscribed(each).length > 0).map(({ connect }) => connect.clientId);
    expect(ids).toEqual(['cmqp1itest', 'cmqp1itestL2']);

    // A filter that covers both makes the second lane empty.
    await session.reconcile(buildDesired(settings, { subscriptions: buildSubscriptions(...filters, 'a/#') }));
    await waitFor(() => held().join(' ') === 'a/# x/#');
    publish('a/b/c', 'again');
    await waitFor(() => executed('again').length >= 4);
    expect(executed('again').sort()).toEqual([1, 2, 3, 5]);
  });
});

it('takes 10,000 subscriptions on a real broker', async () => {
  const broker = await startMosquitto({ config: ['max_queued_messages 0'] });
  cleanups.push(() => broker.stop());
  const { session, arrivals } = buildTested();
  const filters = Array.from({ length: 10_000 }, (_, index) => `site/${index % 100}/device/${index}`);
  session.start(buildDesired(buildBroker({ port: broker.port }), { subscriptions: buildSubscriptions(...filters) }));
  await waitFor(() => session.snapshot().state === 'connected', { timeout_ms: 50_000, interval_ms: 200 });
  const { connectAsync } = await import('mqtt');
  const publisher = await connectAsync(broker.url);
  cleanups.push(() => publisher.endAsync());
  await publisher.publishAsync('site/99/device/9999', 'x', { qos: 1 });
  await waitFor(() => arrivals.length === 1);
  expect(arrivals[0]!.subscription_ids).toEqual([10_000]);
}, 60_000);
