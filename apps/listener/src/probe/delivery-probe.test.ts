import type { Publisher, PublishRequest } from '@cortex-mqtt/actions';
import type { ConnectionEvent } from '@cortex-mqtt/contracts';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import type { IncomingMessage } from '../session/incoming-message';
import { createPublishConnection } from '../session/publish-connection';
import {
  buildBroker,
  buildDesired,
  buildSession,
  buildSubscriptions,
  loopbackOnly,
  silentLogger,
} from '../session/session.testing';
import { createDeliveryProbe, type DeliveryProbe, probeSubscription, probeTopic } from './delivery-probe';

const SETTINGS = { topic: 'cortex/probe', interval_s: 1 };
const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function buildMessage(topic: string, payload: Buffer): IncomingMessage & { is_settled: () => boolean } {
  let settled = false;
  return {
    topic,
    payload,
    qos: 1,
    retain: false,
    duplicate: false,
    packet_id: 1,
    properties: {
      user_properties: {},
      content_type: null,
      response_topic: null,
      correlation_data: null,
      message_expiry_s: null,
      payload_is_utf8: false,
    },
    subscription_identifiers: [],
    received_at_ms: Date.now(),
    connection: 'primary',
    broker: 'primary',
    settle: () => {
      settled = true;
    },
    is_settled: () => settled,
  };
}

function buildProbe(
  overrides: { publish?: Publisher['publish']; isConnected?: () => boolean; patience?: number } = {},
) {
  const published: PublishRequest[] = [];
  const events: ConnectionEvent[] = [];
  const probe = createDeliveryProbe({
    instance_id: 'one',
    publisher: {
      supports_properties: true,
      publish: async (request, options) => {
        published.push(request);
        await overrides.publish?.(request, options);
      },
    },
    isConnected: overrides.isConnected ?? (() => true),
    onChange: () => undefined,
    onEvent: (event) => events.push(event),
    patience_ms: () => overrides.patience ?? 100,
  });
  cleanups.push(() => probe.stop());
  return { probe, published, events, types: () => events.map(({ type }) => type) };
}

describe('the delivery probe', () => {
  it('is lost when its canary does not come back, and recovers when one does', async () => {
    const { probe, published, events, types } = buildProbe();
    probe.use(SETTINGS);
    expect(probe.report()).toMatchObject({ topic: 'cortex/probe/one', state: 'waiting', last_received_at: null });
    await waitFor(() => probe.report()?.state === 'lost');
    expect(probe.report()?.reason).toContain('did not come back within 0.1 s');
    expect(types()).toEqual(['probe_lost']);

    await waitFor(() => published.length > 1);
    const { topic, payload } = published.at(-1)!;
    const message = buildMessage(topic, payload);
    expect(probe.take(message)).toBe(true);
    expect(message.is_settled()).toBe(true);
    expect(probe.report()).toMatchObject({ state: 'ok', reason: null, round_trip_ms: expect.any(Number) });
    expect(events.at(-1)).toMatchObject({ type: 'probe_recovered', detail: { topic: 'cortex/probe/one' } });
  });

  it('says so when the broker does not take the canary', async () => {
    const { probe } = buildProbe({ publish: () => Promise.reject(new Error('not authorised')) });
    probe.use(SETTINGS);
    await waitFor(() => probe.report()?.state === 'lost');
    expect(probe.report()?.reason).toContain('could not be published to "cortex/probe/one": not authorised');
  });

  it('misses nothing while there is no connection, and sends at once when there is one', async () => {
    let is_connected = false;
    const { probe, published, types } = buildProbe({ isConnected: () => is_connected });
    probe.use({ topic: 'p', interval_s: 3_600 });
    expect(published).toEqual([]);
    is_connected = true;
    await waitFor(() => published.length === 1);
    expect(types()).toEqual([]);
  });

  it('leaves what others publish below its topic to the subscriptions, and keeps canaries of other instances from them', () => {
    const { probe } = buildProbe();
    probe.use(SETTINGS);
    expect(probe.take(buildMessage('cortex/probe/one', Buffer.from('{"order": 1}')))).toBe(false);
    expect(probe.take(buildMessage('cortex/probe/two', Buffer.from('cortex-mqtt canary other-boot 1')))).toBe(true);
    expect(probe.report()?.state).toBe('waiting');
  });

  it.each([4, 5] as const)(
    'goes through a real broker with MQTT version %i, even where # is subscribed to',
    async (version) => {
      const broker = await startMosquitto();
      cleanups.push(() => broker.stop());
      const settings = buildBroker({ port: broker.port, protocol_version: version });
      let probe: DeliveryProbe | null = null;
      const product_messages: string[] = [];
      const { session, reaches } = buildSession({
        onMessage: (message) => {
          if (probe?.take(message)) return;
          product_messages.push(message.topic);
          message.settle();
        },
      });
      cleanups.push(() => session.stop({ drain_ms: 0 }));
      const publisher = createPublishConnection({
        broker: () => session.activeBroker(),
        client_id: 'publisher',
        egress: loopbackOnly,
        logger: silentLogger,
      });
      cleanups.push(() => publisher.stop());
      probe = createDeliveryProbe({
        instance_id: 'one',
        publisher,
        isConnected: () => session.snapshot().state === 'connected',
        onChange: () => undefined,
        onEvent: () => undefined,
      });
      const own = probe;
      cleanups.push(() => own.stop());
      session.start(
        buildDesired(settings, { subscriptions: [...buildSubscriptions('#'), probeSubscription(SETTINGS, 'one')] }),
      );
      await reaches('connected');
      probe.use(SETTINGS);
      await waitFor(() => own.report()?.state === 'ok');
      const other = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
      cleanups.push(() => other.endAsync(true));
      await other.publishAsync(probeTopic(SETTINGS, 'one'), 'not a canary', { qos: 1 });
      await waitFor(() => product_messages.length > 0);
      expect(new Set(product_messages)).toEqual(new Set(['cortex/probe/one']));
      expect(own.report()?.round_trip_ms).toEqual(expect.any(Number));
    },
  );
});
