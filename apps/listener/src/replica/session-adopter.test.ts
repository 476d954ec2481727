import type { ConnectionEvent } from '@cortex-mqtt/contracts';
import { freePort, type Mosquitto, startMosquitto, startTcpProxy, waitFor } from '@cortex-mqtt/testing';
import { connectAsync, type MqttClient } from 'mqtt';
import { buildBroker, buildDesired, buildSession, silentLogger, type TestedSession } from '../session/session.testing';
import { type AdoptionTiming, SessionAdopter } from './session-adopter';

const OWNER = 'cmqp1igone';
const orphanOf = (client_id: string) => ({
  instance_id: 'gone',
  sessions: [{ host: '127.0.0.1', port: 0, client_id }],
});
const ORPHAN = orphanOf(OWNER);

describe('a session whose owner is gone', () => {
  let broker: Mosquitto;
  let publisher: MqttClient;
  let port = 0;
  const sessions: TestedSession[] = [];

  beforeAll(async () => {
    broker = await startMosquitto();
    port = broker.port;
    publisher = await connectAsync(broker.url);
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map(({ session }) => session.stop({ drain_ms: 0 })));
  });
  afterAll(async () => {
    await publisher.endAsync();
    await broker.stop();
  });

  const desired = (group: string) => buildDesired(buildBroker({ port }), { shared_group: group });

  const open = (overrides: Parameters<typeof buildSession>[0]): TestedSession => {
    const built = buildSession(overrides);
    sessions.push(built);
    return built;
  };

  function buildAdopter({
    group,
    timing = {},
    at = port,
    onArrival,
  }: {
    group: string;
    timing?: Partial<AdoptionTiming>;
    at?: number | null;
    onArrival?: () => void;
  }) {
    const events: ConnectionEvent[] = [];
    const adopted: TestedSession[] = [];
    const adopter = new SessionAdopter({
      open: ({ broker: where, client_id }) => {
        const built = open({ client_id, ...(onArrival && { onArrival }) });
        adopted.push(built);
        built.session.start(buildDesired(where, { shared_group: group }));
        return { session: built.session, messages: () => built.arrivals.length };
      },
      brokerAt: ({ host }) => (at === null || host !== '127.0.0.1' ? null : buildBroker({ port: at })),
      onEvent: (event) => events.push(event),
      logger: silentLogger,
      timing: { owner_returns_within_ms: 300, again_after_ms: 100, ...timing },
    });
    return { adopter, events, adopted, texts: () => adopted.flatMap((session) => session.texts()) };
  }

  it('is emptied: what waits in it comes, and nothing more gets there', async () => {
    const owner = open({ client_id: OWNER, onArrival: () => undefined });
    owner.session.start(desired('one'));
    await owner.reaches('connected');
    await publisher.publishAsync('orders/1', 'unacknowledged', { qos: 1 });
    await waitFor(() => owner.arrivals.length === 1);
    await owner.session.stop({ drain_ms: 0 });
    const { adopter, events, texts } = buildAdopter({ group: 'one' });
    adopter.offer([ORPHAN]);
    await waitFor(() => events.length === 1);
    expect(texts()).toEqual(['unacknowledged']);
    expect(events[0]).toMatchObject({ type: 'session_adopted', detail: { from: 'gone', messages: 1 } });
    await publisher.publishAsync('orders/1', 'for nobody', { qos: 1 });
    const later = open({ client_id: OWNER });
    later.session.start(desired('one'));
    await later.reaches('connected');
    // Its session is there still, and it has subscribed again.
    await publisher.publishAsync('orders/1', 'for the owner', { qos: 1 });
    await waitFor(() => later.texts().includes('for the owner'));
    expect(later.texts()).toEqual(['for the owner']);
    await adopter.stop();
  });

  it('is let go of when its owner is alive after all, who goes on as before', async () => {
    const owner = open({ client_id: OWNER });
    owner.session.start(desired('two'));
    await owner.reaches('connected');
    const { adopter, events, adopted } = buildAdopter({
      group: 'two',
      timing: { owner_returns_within_ms: 10_000, again_after_ms: 60_000 },
    });
    adopter.offer([ORPHAN]);
    await waitFor(() => adopted[0]?.session.snapshot().state === 'stopped');
    await owner.reaches('connected');
    await publisher.publishAsync('orders/2', 'still here', { qos: 1 });
    await waitFor(() => owner.texts().includes('still here'));
    expect(events).toEqual([]);
    // Not at once again.
    adopter.offer([ORPHAN]);
    expect(adopted).toHaveLength(1);
    await adopter.stop();
  });

  it('gets its subscriptions again when its owner had only been cut off, and comes back after it was emptied', async () => {
    const proxy = await startTcpProxy({ target: { port } });
    const owner = open({ client_id: OWNER });
    owner.session.start(buildDesired(buildBroker({ port: proxy.port }), { shared_group: 'four' }));
    await owner.reaches('connected');
    await proxy.refuse();
    await waitFor(() => owner.eventTypes().includes('disconnected'));
    const { adopter, events } = buildAdopter({ group: 'four' });
    adopter.offer([ORPHAN]);
    await waitFor(() => events.length === 1);
    await proxy.restore();
    await owner.reaches('connected');
    expect(owner.eventTypes()).not.toContain('session_lost');
    await publisher.publishAsync('orders/4', 'back', { qos: 1 });
    await waitFor(() => owner.texts().includes('back'));
    await adopter.stop();
    await owner.session.stop({ drain_ms: 0 });
    await proxy.stop();
  });

  it('does not count as emptied where its broker is not configured any more', async () => {
    const elsewhere = { host: 'old.example', port: 1883, client_id: OWNER };
    const nowhere = buildAdopter({ group: 'five', at: null });
    nowhere.adopter.offer([ORPHAN]);
    await nowhere.adopter.stop();
    expect(nowhere.events).toEqual([]);
    const { adopter, events } = buildAdopter({ group: 'five' });
    adopter.offer([{ ...ORPHAN, sessions: [...ORPHAN.sessions, elsewhere] }]);
    await waitFor(() => events.length === 1);
    expect(events[0]?.detail).toMatchObject({ from: 'gone', not_emptied: ['old.example:1883'] });
    await adopter.stop();
  });

  it('is let go of without having been emptied when the listener has to', async () => {
    const { adopter, events, adopted } = buildAdopter({
      group: 'six',
      timing: { owner_returns_within_ms: 60_000, again_after_ms: 60_000 },
    });
    adopter.offer([orphanOf('cmqp1ilater')]);
    await waitFor(() => adopted[0]?.session.isConnected() === true);
    await adopter.letGo();
    expect(adopted[0]?.session.snapshot().state).toBe('stopped');
    expect(events).toEqual([]);
  });

  it('does not keep a listener from stopping whose destinations hang', async () => {
    const { adopter, events, adopted } = buildAdopter({
      group: 'seven',
      timing: { owner_returns_within_ms: 300 },
      onArrival: () => undefined,
    });
    adopter.offer([orphanOf('cmqp1ihangs')]);
    await waitFor(() => adopted[0]?.session.isConnected() === true);
    await publisher.publishAsync('orders/7', 'hangs', { qos: 1 });
    await waitFor(() => adopted[0]?.arrivals.length === 1);
    await waitFor(() => adopted[0]?.session.snapshot().topic_filters.length === 0);
    await adopter.stop();
    expect(events).toEqual([]);
  });

  it('is not taken again while what it brought is still being delivered', async () => {
    const { adopter, adopted } = buildAdopter({
      group: 'eight',
      timing: { owner_returns_within_ms: 300, drain_ms: 200, again_after_ms: 0 },
      onArrival: () => undefined,
    });
    const offer = () => adopter.offer([orphanOf('cmqp1islow')]);
    offer();
    await waitFor(() => adopted[0]?.session.isConnected() === true);
    await publisher.publishAsync('orders/8', 'slow', { qos: 1 });
    await waitFor(() => adopted[0]?.session.snapshot().state === 'stopped');
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      offer();
    }
    expect(adopted).toHaveLength(1);
    for (const { message } of adopted[0]?.arrivals ?? []) message.settle();
    await waitFor(() => {
      offer();
      return adopted.length === 2;
    });
    await adopter.stop();
  });

  it('is tried again later when its broker is away', async () => {
    const { adopter, events, adopted } = buildAdopter({ group: 'three', at: await freePort() });
    await waitFor(() => {
      adopter.offer([ORPHAN]);
      return adopted.length === 2;
    });
    expect(events).toEqual([]);
    await adopter.stop();
  });
});
