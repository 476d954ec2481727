import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync, type MqttClient } from 'mqtt';
import { createBrokerSessions } from './broker-sessions';
import type { DesiredSession } from './mqtt-session';
import { type Arrival, buildBroker, buildDesired, buildSession, buildSubscriptions } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Two brokers, a session at them that is not started yet, and what a test asks again and again. */
async function setUp(overrides: Parameters<typeof buildSession>[0] = {}) {
  const first = await startMosquitto({ persistence: true });
  const second = await startMosquitto({ persistence: true, config: ['max_inflight_messages 5'] });
  cleanups.push(() => first.stop());
  cleanups.push(() => second.stop());
  const tested = buildSession({ create: createBrokerSessions, ...overrides });
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  const brokers = [
    buildBroker({ port: first.port }),
    buildBroker({ port: second.port, name: 'second', receive_maximum: 5 }),
  ];
  const on = (subscribe_on: 'one' | 'all', more: Partial<DesiredSession> = {}): DesiredSession =>
    buildDesired(brokers, { failover: { subscribe_on, after_s: 0.2, failback_after_s: 0.2 }, ...more });
  const brokerStates = () =>
    Object.fromEntries(tested.session.snapshot().brokers.map(({ name, state }) => [name, state]));
  return { ...tested, first, second, brokers, on, brokerStates };
}

async function connectPublisher({ port }: Mosquitto): Promise<MqttClient> {
  const publisher = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
  publisher.on('error', () => undefined);
  cleanups.push(() => publisher.endAsync(true));
  return publisher;
}

const connections = (broker: Mosquitto): number => broker.log().match(/ as cmqp1itest /g)?.length ?? 0;

it('is subscribed on one broker at a time unless chosen otherwise', async () => {
  const { session, on, reaches, brokerStates, second } = await setUp();
  session.start(on('one'));
  await reaches('connected');
  expect(brokerStates()).toEqual({ primary: 'connected' });
  expect(connections(second)).toBe(0);
});

it('receives from all brokers at once, and tells which one it has lost', async () => {
  const { session, on, reaches, brokerStates, texts, arrivals, first, second } = await setUp();
  session.start(on('all'));
  await reaches('connected');
  const toFirst = await connectPublisher(first);
  const toSecond = await connectPublisher(second);
  await toFirst.publishAsync('orders/1', 'by the first', { qos: 1 });
  await toSecond.publishAsync('orders/2', 'by the second', { qos: 1 });
  await waitFor(() => texts().length === 2);
  expect(arrivals.map(({ message, subscription_ids }) => [message.connection, subscription_ids]).sort()).toEqual([
    ['primary', [1]],
    ['second', [1]],
  ]);
  expect(arrivals.map(({ message }) => session.brokerOf(message)).sort()).toEqual(['primary', 'second']);
  expect(session.activeBroker()?.name).toBe('primary');

  await first.stop();
  await reaches('degraded');
  await waitFor(() => brokerStates().primary === 'disconnected');
  expect(session.snapshot()).toMatchObject({
    reason: expect.stringContaining('Connected to 1 of 2 brokers. Not to "primary": '),
    reason_code: 'BROKER_NOT_CONNECTED',
    broker: { name: 'second' },
    recovery: { is_refused: false },
  });
  // What is published on goes to the one that is there.
  expect(session.activeBroker()?.name).toBe('second');
  await toSecond.publishAsync('orders/3', 'while the first is away', { qos: 1 });
  await waitFor(() => texts().includes('while the first is away'));

  await first.start();
  await reaches('connected');
  expect(brokerStates()).toEqual({ primary: 'connected', second: 'connected' });
  await (await connectPublisher(first)).publishAsync('orders/4', 'the first is back', { qos: 1 });
  await waitFor(() => texts().includes('the first is back'));

  await Promise.all([first.stop(), second.stop()]);
  await reaches('disconnected');
  expect(session.isConnected()).toBe(false);
});

it('goes from one to all and back without touching the connection that stays', async () => {
  const { session, on, reaches, brokerStates, eventTypes, first, second } = await setUp();
  session.start(on('one'));
  await reaches('connected');
  await session.reconcile(on('all'));
  await waitFor(() => brokerStates().second === 'connected');
  await session.reconcile(on('one'));
  await waitFor(() => Object.keys(brokerStates()).length === 1);
  expect(brokerStates()).toEqual({ primary: 'connected' });
  expect(connections(first)).toBe(1);
  expect(connections(second)).toBe(1);
  expect(eventTypes()).toEqual(['connected', 'connected', 'disconnected']);
  expect(session.snapshot().warnings).toEqual([
    { code: 'MESSAGES_MAY_WAIT', message: expect.stringContaining('"second" was left') },
  ]);
  // Failover and failback are on again, and what they leave behind is told until there is a session at it.
  await first.stop();
  await waitFor(() => brokerStates().second === 'connected');
  await first.start();
  await waitFor(() => brokerStates().primary === 'connected');
  const codes = () => session.snapshot().warnings.map(({ code }) => code);
  expect(codes()).toEqual(['MESSAGES_MAY_WAIT']);
  await session.reconcile(on('all'));
  await reaches('connected');
  expect(codes()).not.toContain('MESSAGES_MAY_WAIT');
});

it('takes along what the other broker still holds before it leaves it, by subscriptions that have changed since', async () => {
  const held: Arrival[] = [];
  const { session, on, reaches, brokerStates, texts, second } = await setUp({
    onArrival: (arrival) => held.push(arrival),
  });
  session.start(on('all'));
  await reaches('connected');
  const publisher = await connectPublisher(second);
  for (let n = 0; n < 20; n += 1) await publisher.publishAsync('orders/1', String(n), { qos: 1 });
  await waitFor(() => held.length === 5);
  await session.reconcile(on('one', { subscriptions: buildSubscriptions('unused', 'orders/#') }));
  while (texts().length < 20) {
    expect(brokerStates().second).toBe('connected');
    for (const { message } of held.splice(0)) message.settle();
    await waitFor(() => held.length > 0);
  }
  // It was queued for the first one, which lives, and the second has its filter now.
  expect(held.at(-1)?.subscription_ids).toEqual([1, 2]);
  for (const { message } of held.splice(0)) message.settle();
  await waitFor(() => Object.keys(brokerStates()).length === 1);
  expect(texts()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
});

it('stays where it is connected when it goes back to one, and ends at a broker that was taken out of the list', async () => {
  const { session, on, reaches, brokerStates, brokers, first, second } = await setUp();
  session.start(on('all'));
  await reaches('connected');
  await first.stop();
  await waitFor(() => brokerStates().primary === 'disconnected');
  await session.reconcile({ ...on('one'), failover: { subscribe_on: 'one', after_s: null, failback_after_s: null } });
  await waitFor(() => Object.keys(brokerStates()).length === 1);
  expect(brokerStates()).toEqual({ second: 'connected' });
  expect(connections(second)).toBe(1);

  await session.reconcile(on('all'));
  await first.start();
  await reaches('connected');
  await session.reconcile(on('all', { brokers: brokers.slice(0, 1) }));
  expect(brokerStates()).toEqual({ primary: 'connected' });
});

it('changes its mind while it leaves', async () => {
  const { session, on, reaches, second } = await setUp();
  session.start(on('all'));
  await reaches('connected');
  await session.reconcile(on('one'));
  await session.reconcile(on('all'));
  await reaches('connected');
  expect(connections(second)).toBe(1);
  await session.stop({ drain_ms: 100 });
  expect(session.snapshot().state).toBe('stopped');
});
