import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerConnection, ConnectionEvent, ListenerConfigDocument } from '@cortex-mqtt/contracts';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import { ProductListener } from './product-listener';
import { statusFacts } from './reporting/status-facts';
import { buildBroker, loopbackOnly, silentLogger } from './session/session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function buildDocument(overrides: Partial<ListenerConfigDocument>): ListenerConfigDocument {
  return {
    product_id: 1,
    product_slug: 'shop',
    session_key: null,
    enabled: true,
    revision: 1,
    reconnect_generation: 0,
    variables: {},
    brokers: [],
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: null,
    handover_after_ms: 20,
    probe: null,
    subscriptions: [buildSubscription('orders/#')],
    secrets: {},
    ...overrides,
  };
}

const buildSubscription = (topic_filter: string): ListenerConfigDocument['subscriptions'][number] => ({
  ...{ id: 1, name: 'orders', topic: topic_filter, topic_filter, wildcard_names: [], qos: 1, payload_format: 'text' },
  ...{ filter: null, message_key: null, concurrency: null, ordering: 'none' },
  actions: [],
});

async function startListener() {
  const data_dir = await mkdtemp(join(tmpdir(), 'cortex-listener-'));
  cleanups.push(() => rm(data_dir, { recursive: true }));
  const events: ConnectionEvent[] = [];
  const listener = new ProductListener({
    ...{ product_id: 1, product_slug: 'shop', instance_id: 'one', boot_id: 'boot', data_dir, max_in_flight: 100 },
    max_payload_bytes: 1_000_000,
    dead_letters: { max: 100, max_bytes: 1_000_000, when_full: 'drop_oldest' },
    ...{ has_orchestrator: false, egress: loopbackOnly, queues: null, logger: silentLogger, eventLog: null },
    ...{
      has_orchestrator: false,
      egress: loopbackOnly,
      queues: null,
      logger: silentLogger,
      eventLog: null,
      tracer: null,
      segments: null,
    },
    leftSessions: null,
    onChange: () => undefined,
    onEvent: (event) => events.push(event),
    redact: (text) => text,
    onCredentialsRefused: () => undefined,
  });
  cleanups.push(() => listener.stop({ drain_ms: 0 }));
  const identity = { instance_id: 'one', boot_id: 'boot', version: '1', started_at: new Date() };
  return { listener, events, facts: () => statusFacts(identity, listener, { is_stopped: false, idle: null }) };
}

/** A broker, and something that publishes to it. */
async function startBroker() {
  const broker = await startMosquitto();
  cleanups.push(() => broker.stop());
  const publisher = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
  cleanups.push(() => publisher.endAsync(true));
  return { ...broker, publish: (topic: string) => publisher.publishAsync(topic, 'x', { qos: 1 }) };
}

const UNUSABLE: [string, Partial<BrokerConnection>][] = [
  ['client_key', { transport: 'tls', client_key: 'nonsense' }],
  ['alpn_protocols[0]', { transport: 'tls', alpn_protocols: [''] }],
  ['server_name', { transport: 'wss', server_name: 'a\0b' }],
];

it('keeps what runs when a revision cannot be applied, and goes on from there with the next', async () => {
  const { listener, events, facts } = await startListener();
  const broker = await startBroker();
  const good = buildBroker({ port: broker.port });
  await listener.apply(buildDocument({ brokers: [good] }), 'orchestrator');
  await waitFor(() => facts().state === 'connected');
  const received = () => facts().counters.messages_matched;

  let revision = 1;
  for (const [field, overrides] of UNUSABLE) {
    revision += 1;
    const bad = buildBroker({ port: broker.port, ...overrides });
    const document = buildDocument({ revision, brokers: [bad], subscriptions: [buildSubscription('other/#')] });
    await listener.apply(document, 'orchestrator');
    expect(facts()).toMatchObject({
      state: 'connected',
      applied_revision: 1,
      rejected_revision: { revision, reason: expect.stringContaining(`broker "primary": ${field}`) },
    });
    const before = received();
    await broker.publish('orders/1');
    await waitFor(() => received() === before + 1);
  }
  expect(events.filter(({ type }) => type === 'connected')).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'config_rejected')).toHaveLength(UNUSABLE.length);

  await listener.apply(buildDocument({ revision: 9, brokers: [good] }), 'orchestrator');
  expect(facts()).toMatchObject({ state: 'connected', applied_revision: 9, rejected_revision: null });
});

it('counts nothing as applied when an attempt breaks off, so that the settings of before are applied again', async () => {
  const { listener, facts } = await startListener();
  const broker = await startBroker();
  const good = buildDocument({ brokers: [buildBroker({ port: broker.port })] });
  await listener.apply(good, 'orchestrator');
  await waitFor(() => facts().state === 'connected');

  const session = listener.session;
  if (!session) throw new Error('no session');
  const breaksOff = jest.spyOn(session, 'reconcile').mockRejectedValue(new Error('the disk is gone'));
  const other = buildDocument({ ...good, revision: 2, subscriptions: [buildSubscription('other/#')] });
  await listener.apply(other, 'orchestrator');
  expect(facts()).toMatchObject({
    applied_revision: 1,
    rejected_revision: { revision: 2, reason: 'the disk is gone' },
  });

  breaksOff.mockRestore();
  await listener.apply(good, 'orchestrator');
  await waitFor(() => facts().state === 'connected');
  expect(facts().rejected_revision).toBeNull();
  const before = facts().counters.messages_matched;
  await broker.publish('orders/1');
  await waitFor(() => facts().counters.messages_matched === before + 1);
});

it('reports a reason when there is nothing to keep, and is revived by good settings', async () => {
  const { listener, facts } = await startListener();
  const broker = await startBroker();
  const bad = buildBroker({ port: broker.port, last_will: { topic: 'a' } as never });
  await listener.apply(buildDocument({ brokers: [bad] }), 'orchestrator');
  await waitFor(() => facts().state === 'disconnected');
  expect(facts()).toMatchObject({ reason_code: 'BROKER_SETTING_INVALID', recovery: { attempt: expect.any(Number) } });

  await listener.apply(buildDocument({ revision: 2, brokers: [buildBroker({ port: broker.port })] }), 'orchestrator');
  await waitFor(() => facts().state === 'connected');
});

it('runs what was queued before a prefix changed, and names what belongs to nobody', async () => {
  const { listener, facts } = await startListener();
  const broker = await startBroker();
  const brokers = [buildBroker({ port: broker.port })];
  await listener.apply(buildDocument({ brokers }), 'orchestrator');
  await waitFor(() => facts().state === 'connected');
  // Away while ten messages come and the prefix changes: they carry the identifier of the subscription.
  await listener.apply(buildDocument({ brokers, revision: 2, enabled: false }), 'orchestrator');
  for (let index = 0; index < 10; index += 1) await broker.publish(`orders/${index}`);
  const moved = buildDocument({ brokers, revision: 3, subscriptions: [buildSubscription('shop/orders/#')] });
  await listener.apply(moved, 'orchestrator');
  await waitFor(() => facts().counters.messages_received === 10);
  expect(facts().counters).toMatchObject({ messages_matched: 10, messages_unmatched: 0 });
});
