import { type Mosquitto, startMosquitto, startTcpProxy, waitFor } from '@cortex-mqtt/testing';
import { connectAsync, type MqttClient } from 'mqtt';
import type { ScriptedBrokerOptions } from './scripted-broker.testing';
import { startScriptedBroker } from './scripted-broker.testing';
import {
  type Arrival,
  buildBroker,
  buildDesired,
  buildSession,
  buildSubscriptions,
  type TestedSession,
} from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function startBroker(options: Parameters<typeof startMosquitto>[0] = {}): Promise<Mosquitto> {
  const broker = await startMosquitto(options);
  cleanups.push(() => broker.stop());
  return broker;
}

async function startScript(options: ScriptedBrokerOptions = {}) {
  const broker = await startScriptedBroker(options);
  cleanups.push(() => broker.stop());
  return broker;
}

function buildTested(overrides: Parameters<typeof buildSession>[0] = {}): TestedSession {
  const tested = buildSession(overrides);
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  return tested;
}

async function connectPublisher(port: number, options: object = {}): Promise<MqttClient> {
  const publisher = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, ...options });
  publisher.on('error', () => undefined);
  cleanups.push(() => publisher.endAsync(true));
  return publisher;
}

const distinct = (texts: readonly string[]): Set<string> => new Set(texts);

describe('connected', () => {
  it('receives messages, and tells what it is connected to', async () => {
    const broker = await startBroker();
    const { session, texts, reaches, eventTypes } = buildTested();
    expect(session.snapshot().state).toBe('starting');
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/1', 'one', { qos: 1 });
    await waitFor(() => texts().length === 1);

    expect(session.snapshot()).toMatchObject({
      state: 'connected',
      reason: null,
      broker: { name: 'primary', host: '127.0.0.1', port: broker.port },
      client_id: 'cmqp1itest',
      recovery: null,
      broker_info: { protocol_version: '5.0', session_present: false },
      topic_filters: [
        { topic_filter: 'orders/#', subscription_ids: [1], requested_qos: 1, granted_qos: 1, refused: null },
      ],
    });
    expect(eventTypes()).toEqual(['connected']);
  });

  it('is unconfigured without a broker, and connects when there is one', async () => {
    const broker = await startBroker();
    const { session, reaches } = buildTested();
    session.start(buildDesired([]));
    await reaches('unconfigured');
    await session.reconcile(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
  });

  it.each([4, 5] as const)('runs overlapping subscriptions once each on Mosquitto with version %i', async (version) => {
    const broker = await startBroker();
    const { session, arrivals, reaches } = buildTested();
    const filters = ['orders/#', 'orders/+/paid', 'orders/eu/+', '+/eu/paid', 'orders/eu/paid', 'orders/eu/paid'];
    session.start(
      buildDesired(buildBroker({ port: broker.port, protocol_version: version }), {
        subscriptions: buildSubscriptions(...filters),
      }),
    );
    await reaches('connected');
    await waitFor(() => session.snapshot().topic_filters.every(({ granted_qos }) => granted_qos === 1));
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/eu/paid', 'all', { qos: 1 });
    await publisher.publishAsync('orders/us/new', 'first only', { qos: 1 });
    await waitFor(() => arrivals.some(({ text }) => text === 'first only'));
    const executed = () =>
      arrivals.filter(({ text }) => text === 'all').flatMap(({ subscription_ids }) => subscription_ids);
    await waitFor(() => executed().length >= 6);
    expect(executed().sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(
      arrivals.filter(({ text }) => text === 'first only').flatMap(({ subscription_ids }) => subscription_ids),
    ).toEqual([1]);
  });

  it('shares the load of a group', async () => {
    const broker = await startBroker();
    const first = buildTested({ client_id: 'first' });
    const second = buildTested({ client_id: 'second' });
    const desired = buildDesired(buildBroker({ port: broker.port }), { shared_group: 'g' });
    for (const { session } of [first, second]) session.start(desired);
    await first.reaches('connected');
    await second.reaches('connected');
    const publisher = await connectPublisher(broker.port);
    for (let index = 0; index < 20; index += 1) await publisher.publishAsync('orders/1', String(index), { qos: 1 });
    await waitFor(() => first.arrivals.length + second.arrivals.length === 20);
    expect(distinct([...first.texts(), ...second.texts()]).size).toBe(20);
    expect(first.arrivals.length).toBeGreaterThan(0);
    expect(second.arrivals.length).toBeGreaterThan(0);
  });
});

describe('a shared group that an instance leaves', () => {
  it('gives everything to those that stay, and what was on its way is not lost', async () => {
    const broker = await startBroker();
    const leaving = buildTested({
      client_id: 'leaving',
      onArrival: ({ message }) => void setTimeout(() => message.settle(), 5),
    });
    const staying = buildTested({ client_id: 'staying' });
    const desired = buildDesired(buildBroker({ port: broker.port }), { shared_group: 'g' });
    for (const { session } of [leaving, staying]) session.start(desired);
    await leaving.reaches('connected');
    await staying.reaches('connected');
    const publisher = await connectPublisher(broker.port);
    const publish = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, index) =>
          publisher.publishAsync('orders/1', `${from + index}`, { qos: 1 }),
        ),
      );
    const first = publish(0, 200);
    await waitFor(() => leaving.arrivals.length > 0);
    await leaving.session.leaveGroup({ limit_ms: 10_000 });
    await leaving.session.stop({ drain_ms: 1_000 });
    await first;
    await publish(200, 300);
    await waitFor(() => distinct([...leaving.texts(), ...staying.texts()]).size === 300);
    expect(leaving.texts().every((text) => Number(text) < 200)).toBe(true);
  });
});

describe('nothing is lost', () => {
  it('when the listener stops and a new one starts: the session stays at the broker', async () => {
    const broker = await startBroker();
    const held: Arrival[] = [];
    const first = buildTested({ onArrival: (arrival) => held.push(arrival) });
    const desired = buildDesired(buildBroker({ port: broker.port }));
    first.session.start(desired);
    await first.reaches('connected');
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/1', 'settled', { qos: 1 });
    await publisher.publishAsync('orders/1', 'running at stop', { qos: 1 });
    await waitFor(() => held.length === 2);
    held[0]!.message.settle();
    await first.session.stop({ drain_ms: 50 });
    expect(first.session.snapshot().state).toBe('stopped');
    await publisher.publishAsync('orders/1', 'while stopped', { qos: 1 });

    const second = buildTested();
    second.session.start(desired);
    await waitFor(() => second.arrivals.length === 2);
    expect(second.texts()).toEqual(['running at stop', 'while stopped']);
    expect(second.arrivals.map(({ subscription_ids }) => subscription_ids)).toEqual([[1], [1]]);
    expect(second.session.snapshot().broker_info).toMatchObject({ session_present: true });
  });

  it('when it is drained at stop: what ends in time is acknowledged', async () => {
    const broker = await startBroker();
    const first = buildTested({ onArrival: ({ message }) => void setTimeout(() => message.settle(), 100) });
    const desired = buildDesired(buildBroker({ port: broker.port }));
    first.session.start(desired);
    await first.reaches('connected');
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/1', 'one', { qos: 2 });
    await waitFor(() => first.arrivals.length === 1);
    await first.session.stop({ drain_ms: 5_000 });
    expect(first.session.snapshot().in_flight).toBe(0);

    await publisher.publishAsync('orders/1', 'two', { qos: 1 });
    const second = buildTested();
    second.session.start(desired);
    await waitFor(() => second.arrivals.length > 0);
    expect(second.texts()).toEqual(['two']);
  });

  it('when the broker restarts', async () => {
    const broker = await startBroker({ persistence: true });
    const { session, texts, reaches, eventTypes } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    await broker.stop();
    await reaches('disconnected');
    const { reason, recovery } = session.snapshot();
    expect(reason).toEqual(expect.any(String));
    await waitFor(() => (session.snapshot().recovery?.attempt ?? 0) > 1);
    expect(recovery).not.toBeNull();
    await broker.start();
    await reaches('connected');
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/1', 'after', { qos: 1 });
    await waitFor(() => texts().includes('after'));
    expect(eventTypes()).not.toContain('session_lost');
    expect(session.snapshot().recovery).toBeNull();
  });

  it('when the connection is cut again and again under load, and no running message runs twice', async () => {
    const broker = await startBroker({ config: ['max_queued_messages 0'] });
    const proxy = await startTcpProxy({ target: { port: broker.port } });
    cleanups.push(() => proxy.stop());
    const running = new Set<string>();
    const overlapping: string[] = [];
    const { session, texts, reaches, arrivals } = buildTested({
      onArrival: ({ message, text }) => {
        if (running.has(text)) overlapping.push(text);
        running.add(text);
        setTimeout(() => {
          running.delete(text);
          message.settle();
        }, 20);
      },
    });
    session.start(buildDesired(buildBroker({ port: proxy.port }), { subscriptions: buildSubscriptions('orders/#') }));
    await reaches('connected');
    const publisher = await connectPublisher(broker.port);
    const count = 3_000;
    for (let index = 0; index < count; index += 1) {
      publisher.publish('orders/1', String(index), { qos: 1 });
      if (index % 600 === 599) {
        proxy.cut();
        await waitFor(() => distinct(texts()).size > index - 300);
      }
    }
    await waitFor(() => distinct(texts()).size === count, {
      timeout_ms: 20_000,
      message: () => `${distinct(texts()).size} of ${count}`,
    });
    expect(overlapping).toEqual([]);
    expect(arrivals.every(({ subscription_ids }) => subscription_ids.length === 1)).toBe(true);
  });

  it('when the link is half-open: it is found by the keep-alive', async () => {
    const broker = await startBroker();
    const proxy = await startTcpProxy({ target: { port: broker.port } });
    cleanups.push(() => proxy.stop());
    const { session, texts, reaches, events } = buildTested();
    session.start(buildDesired(buildBroker({ port: proxy.port, keep_alive: 1, connect_timeout_s: 1 })));
    await reaches('connected');
    proxy.blackhole();
    await reaches('disconnected');
    expect(events.at(-1)).toMatchObject({ type: 'disconnected' });
    const publisher = await connectPublisher(broker.port);
    await publisher.publishAsync('orders/1', 'meanwhile', { qos: 1 });
    await proxy.restore();
    await waitFor(() => texts().includes('meanwhile'));
  });
});

describe('subscriptions', () => {
  const packetsOf = (connection: { received: { cmd: string }[] }) =>
    connection.received
      .filter(({ cmd }) => cmd === 'subscribe' || cmd === 'unsubscribe')
      .map((packet) => {
        const { cmd, subscriptions, unsubscriptions, properties } = packet as {
          cmd: string;
          subscriptions?: { topic: string; qos: number }[];
          unsubscriptions?: string[];
          properties?: { subscriptionIdentifier?: number };
        };
        const what = subscriptions?.map(({ topic, qos }) => `${topic} ${qos}`) ?? unsubscriptions;
        return `${cmd} ${what?.join(', ')} #${properties?.subscriptionIdentifier ?? '-'}`;
      });

  it('change on the connection that is there, and only those that differ', async () => {
    const broker = await startScript();
    const { session, reaches } = buildTested();
    const connection_settings = buildBroker({ port: broker.port });
    session.start(buildDesired(connection_settings, { subscriptions: buildSubscriptions('a', 'b', 'c') }));
    await reaches('connected');
    const connection = await broker.connection(1);
    expect(packetsOf(connection).sort()).toEqual(['subscribe a 1 #1', 'subscribe b 1 #2', 'subscribe c 1 #3']);
    connection.received.length = 0;

    await session.reconcile(
      buildDesired(
        { ...connection_settings },
        {
          subscriptions: [
            { id: 1, topic_filter: 'a', qos: 1 },
            { id: 2, topic_filter: 'b', qos: 2 },
            { id: 4, topic_filter: 'd', qos: 1 },
          ],
        },
      ),
    );
    await waitFor(() => packetsOf(connection).length === 3);
    expect(packetsOf(connection)).toEqual(['subscribe b 2 #2', 'subscribe d 1 #4', 'unsubscribe c #-']);
    expect(broker.connections).toHaveLength(1);
  });

  it('are all asked for on every connection: a kept session may have lost them', async () => {
    let sessionPresent = false;
    const broker = await startScript({ connack: () => ({ sessionPresent }) });
    const { session, reaches, eventTypes } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port }), { subscriptions: buildSubscriptions('a', 'b') }));
    await reaches('connected');
    sessionPresent = true;
    broker.connections[0]!.socket.destroy();
    await broker.connection(2);
    await reaches('connected');
    expect(packetsOf(broker.connections[1]!)).toEqual(['subscribe a 1 #1', 'subscribe b 1 #2']);
    // Retain handling 1: a broker that still has them sends no retained message again.
    for (const { subscriptions } of broker.connections[1]!.of('subscribe')) expect(subscriptions[0]?.rh).toBe(1);
    expect(eventTypes()).not.toContain('session_lost');

    sessionPresent = false;
    broker.connections[1]!.socket.destroy();
    await broker.connection(3);
    await waitFor(() => packetsOf(broker.connections[2]!).length === 2);
    expect(eventTypes()).toContain('session_lost');
  });

  it('that changed while it was disconnected are exact afterwards', async () => {
    let is_up = true;
    const broker = await startScript({ connack: () => (is_up ? {} : null) });
    const { session, reaches } = buildTested();
    const settings = buildBroker({ port: broker.port });
    session.start(buildDesired(settings, { subscriptions: buildSubscriptions('a', 'b') }));
    await reaches('connected');
    is_up = false;
    broker.connections[0]!.socket.destroy();
    await broker.connection(2);
    await session.reconcile(buildDesired(settings, { subscriptions: [{ id: 2, topic_filter: 'b', qos: 1 }] }));
    is_up = true;
    broker.connections[1]!.socket.destroy();
    const third = await broker.connection(3);
    await waitFor(() => packetsOf(third).length > 1);
    await reaches('connected');
    expect(packetsOf(third)).toEqual(['subscribe b 1 #2', 'unsubscribe a #-']);
  });

  it('that the broker refuses are named, the others work, and it heals when they are allowed', async () => {
    let is_allowed = false;
    const broker = await startScript({
      onPacket: (packet, connection) => {
        if (packet.cmd !== 'subscribe') return false;
        const is_secret = packet.subscriptions.some(({ topic }) => topic === 'secret/#');
        connection.send({
          cmd: 'suback',
          messageId: packet.messageId!,
          granted: [is_secret && !is_allowed ? 0x87 : 1],
        });
        return true;
      },
    });
    const { session, reaches, events } = buildTested({ timing: { refused_filter_retry_ms: 50 } });
    session.start(
      buildDesired(buildBroker({ port: broker.port, username: 'u', password: 'p' }), {
        subscriptions: buildSubscriptions('orders/#', 'secret/#'),
      }),
    );
    await reaches('degraded');
    const { reason, reason_code, topic_filters } = session.snapshot();
    expect(reason).toContain('"secret/#"');
    expect(reason_code).toBe('SUBSCRIPTION_REFUSED');
    expect(topic_filters.map(({ granted_qos, refused }) => [granted_qos, refused !== null])).toEqual([
      [1, false],
      [null, true],
    ]);
    expect(events.filter(({ type }) => type === 'subscription_refused')).toEqual([
      expect.objectContaining({ detail: expect.objectContaining({ filter: 'secret/#' }) }),
    ]);
    is_allowed = true;
    await reaches('connected');
  });

  it('that are granted a lower QoS make it degraded', async () => {
    const broker = await startScript({
      onPacket: (packet, connection) => {
        if (packet.cmd !== 'subscribe') return false;
        connection.send({ cmd: 'suback', messageId: packet.messageId!, granted: [0] });
        return true;
      },
    });
    const { session, reaches, eventTypes } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('degraded');
    expect(session.snapshot().reason_code).toBe('QOS_DOWNGRADED');
    expect(eventTypes()).toContain('qos_downgraded');
  });
});

describe('reconnection', () => {
  it('falls back to MQTT 3.1.1 when the broker refuses 5', async () => {
    const broker = await startScript({
      connack: ({ protocolVersion }) => (protocolVersion === 5 ? { reasonCode: 0x84 } : {}),
    });
    const { session, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    expect(session.snapshot().broker_info).toMatchObject({ protocol_version: '3.1.1' });
    expect(broker.connections.map(({ connect }) => connect.protocolVersion)).toEqual([5, 4]);
    broker.connections[1]!.socket.destroy();
    await broker.connection(3);
    expect(broker.connections[2]!.connect.protocolVersion).toBe(4);
  });

  it('retries refused credentials, tells of each refusal, and heals when they are right', async () => {
    const broker = await startBroker({ users: { u: 'new' } });
    let refusals = 0;
    const { session, reaches } = buildTested({ onCredentialsRefused: () => (refusals += 1) });
    const settings = buildBroker({ port: broker.port, username: 'u', password: 'old' });
    session.start(buildDesired(settings));
    await waitFor(() => refusals >= 2);
    expect(session.snapshot()).toMatchObject({ state: 'disconnected', recovery: { attempt: expect.any(Number) } });
    expect(['BAD_CREDENTIALS', 'NOT_AUTHORIZED']).toContain(session.snapshot().reason_code);
    await session.reconcile(buildDesired({ ...settings, password: 'new' }));
    await reaches('connected');
  });

  it('heals without a change when the broker learns the password', async () => {
    const broker = await startBroker({ users: { u: 'other' } });
    const { session, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port, username: 'u', password: 'p' })));
    await reaches('disconnected');
    await broker.reload({ users: { u: 'p' } });
    await reaches('connected');
  });

  it('names how a connection ended: by the other side, or by us when the broker broke the protocol', async () => {
    const broker = await startScript();
    const { session, reaches, events } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    broker.connections[0]!.socket.destroy();
    await broker.connection(2);
    await reaches('connected');
    // A PUBLISH with both QoS bits set (MQTT 5, 3.3.1.2).
    broker.connections[1]!.sendBytes(Buffer.from([0x36, 0x00]));
    await broker.connection(3);
    const codes = events.filter(({ type }) => type === 'disconnected').map(({ detail }) => detail.code);
    expect(codes).toEqual(['CONNECTION_LOST', 'PROTOCOL_ERROR']);
  });

  it('names a client that took over its id, when the broker says so', async () => {
    const broker = await startScript();
    const { session, reaches, events } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    const [connection] = broker.connections;
    connection!.send({ cmd: 'disconnect', reasonCode: 0x8e });
    connection!.socket.end();
    await waitFor(() => events.some(({ type }) => type === 'disconnected'));
    expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({ detail: { code: 'TAKEN_OVER' } });
    expect(events.find(({ type }) => type === 'taken_over')).toMatchObject({ detail: { is_certain: true } });
  });

  it.each([4, 5] as const)(
    'suspects it of two listeners with one id on a broker that says nothing (%i)',
    async (version) => {
      const broker = await startBroker();
      const pair = [buildTested(), buildTested()];
      for (const { session } of pair) {
        session.start(buildDesired(buildBroker({ port: broker.port, protocol_version: version })));
      }
      // Mosquitto 2.0 breaks MQTT-3.1.4-3: with MQTT 5 it can't be told from a link that flaps.
      const expected = version === 4 ? 'taken_over' : 'flapping';
      await waitFor(() => pair.some(({ eventTypes }) => eventTypes().includes(expected)));
    },
  );

  it('suspects a takeover with MQTT 3.1.1 when the broker ends connections early, again and again', async () => {
    const broker = await startScript();
    const { session, events } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port, protocol_version: 4 })));
    for (let ordinal = 1; ordinal <= 3; ordinal += 1) {
      const connection = await broker.connection(ordinal);
      await waitFor(() => session.snapshot().state === 'connected');
      connection.socket.destroy();
      await waitFor(() => events.filter(({ type }) => type === 'disconnected').length === ordinal);
    }
    expect(events.filter(({ type }) => type === 'taken_over')).toMatchObject([{ detail: { is_certain: false } }]);
  });

  it('on request ends the connection cleanly and keeps the session', async () => {
    const broker = await startScript();
    const { session, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    await session.reconnect();
    await broker.connection(2);
    await reaches('connected');
    const [first] = broker.connections;
    expect(first!.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0 });
    expect(first!.of('unsubscribe')).toEqual([]);
    expect(first!.of('disconnect')[0]!.properties?.sessionExpiryInterval).toBeUndefined();
    expect(broker.connections[1]!.connect.clean).toBe(false);
  });
});

describe('several brokers', () => {
  const failover = { subscribe_on: 'one', after_s: 0.2, failback_after_s: 0.3 } as const;

  it('goes over to the next when the first is down, and back when it is healthy again', async () => {
    const first = await startBroker({ persistence: true });
    const second = await startBroker({ persistence: true });
    const { session, texts, reaches, events } = buildTested();
    const brokers = [
      buildBroker({ port: first.port }),
      buildBroker({ port: second.port, name: 'secondary', client_id: 'other-id' }),
    ];
    session.start(buildDesired(brokers, { failover }));
    await reaches('connected');
    await first.stop();
    await waitFor(() => session.snapshot().broker?.name === 'secondary' && session.snapshot().state === 'connected');
    const publisher = await connectPublisher(second.port);
    await publisher.publishAsync('orders/1', 'on the second', { qos: 1 });
    await waitFor(() => texts().includes('on the second'));

    await first.start();
    await waitFor(() => session.snapshot().broker?.name === 'primary' && session.snapshot().state === 'connected');
    const switches = events.filter(({ type }) => type === 'failover' || type === 'failback');
    expect(switches).toMatchObject([
      { type: 'failover', broker: 'secondary', detail: { from: 'primary', to: 'secondary' } },
      { type: 'failback', broker: 'primary', detail: { from: 'secondary', to: 'primary' } },
    ]);
    // The second one was left before the first was subscribed to.
    const order = events.filter(({ type }) => type === 'connected' || type === 'disconnected');
    expect(order.map(({ type, broker }) => `${type} ${broker}`)).toEqual([
      'connected primary',
      'disconnected primary',
      'connected secondary',
      'disconnected secondary',
      'connected primary',
    ]);
  });

  it('takes along what the second broker still holds before it goes back, and tells what would wait there', async () => {
    const first = await startBroker();
    const second = await startBroker({ config: ['max_inflight_messages 5'] });
    const held: Arrival[] = [];
    const { session, texts, reaches } = buildTested({ onArrival: (arrival) => held.push(arrival) });
    const brokers = [
      buildBroker({ port: first.port, keep_alive: 1 }),
      buildBroker({ port: second.port, name: 'secondary', receive_maximum: 5 }),
    ];
    await first.stop();
    session.start(buildDesired(brokers, { failover }));
    await waitFor(() => session.snapshot().broker?.name === 'secondary' && session.snapshot().state === 'connected');
    const publisher = await connectPublisher(second.port);
    for (let n = 0; n < 20; n += 1) await publisher.publishAsync('orders/1', String(n), { qos: 1 });
    await waitFor(() => held.length === 5);
    await first.start();
    // The first one has been healthy for a keep-alive, and the second one is not left with 15 messages in it.
    await waitFor(() => first.log().includes('Received PINGREQ from cmqp1itestF'));
    expect(session.snapshot().broker?.name).toBe('secondary');
    while (texts().length < 20) {
      for (const { message } of held.splice(0)) message.settle();
      await waitFor(() => held.length > 0);
    }
    for (const { message } of held.splice(0)) message.settle();
    await waitFor(() => session.snapshot().broker?.name === 'primary');
    await reaches('connected');
    expect(texts()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
    expect(session.snapshot().warnings).toEqual([
      { code: 'MESSAGES_MAY_WAIT', message: expect.stringContaining('"secondary" was left') },
    ]);
  });

  it('stays where it is when failback is off', async () => {
    const first = await startBroker();
    const second = await startBroker();
    const { session } = buildTested();
    const brokers = [buildBroker({ port: first.port }), buildBroker({ port: second.port, name: 'secondary' })];
    await first.stop();
    session.start(buildDesired(brokers, { failover: { subscribe_on: 'one', after_s: 0.1, failback_after_s: null } }));
    await waitFor(() => session.snapshot().broker?.name === 'secondary' && session.snapshot().state === 'connected');
    await first.start();
    const publisher = await connectPublisher(first.port);
    await publisher.publishAsync('other', 'x', { qos: 1 });
    expect(session.snapshot()).toMatchObject({ broker: { name: 'secondary' }, state: 'connected' });
    expect(first.log()).not.toContain('cmqp1itestF');
  });
});
