import type { ConnectionEvent } from '@cortex-mqtt/contracts';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { createBrokerSessions } from '../session/broker-sessions';
import { createPublishConnection } from '../session/publish-connection';
import { buildBroker, buildDesired, buildSession, loopbackOnly, silentLogger } from '../session/session.testing';
import { type BrokerProbes, createBrokerProbes } from './broker-probes';
import { probeSubscription } from './delivery-probe';

const SETTINGS = { topic: 'cortex/probe', interval_s: 1 };
const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

it('proves each broker by a canary of its own, and tells of the one that is worst off', async () => {
  const well = await startMosquitto();
  const ill = await startMosquitto({ acl: ['topic readwrite orders/#', 'topic readwrite cortex/#'] });
  cleanups.push(
    () => well.stop(),
    () => ill.stop(),
  );
  const events: ConnectionEvent[] = [];
  let probes: BrokerProbes | null = null;
  const { session, reaches, texts } = buildSession({
    create: createBrokerSessions,
    onArrival: ({ message }) => {
      if (!probes?.take(message)) message.settle();
    },
  });
  cleanups.push(() => session.stop({ drain_ms: 0 }));
  const tested = createBrokerProbes({
    instance_id: 'one',
    publisherFor: (broker) =>
      createPublishConnection({
        broker: () => session.connectedBrokers().find(({ name }) => name === broker) ?? null,
        client_id: 'cmqp1itest',
        suffix: 'Q',
        egress: loopbackOnly,
        logger: silentLogger,
      }),
    connectedBrokers: () => session.connectedBrokers().map(({ name }) => name),
    brokerOf: (message) => session.brokerOf(message),
    onChange: () => undefined,
    onEvent: (event) => events.push(event),
    patience_ms: () => 500,
  });
  probes = tested;
  cleanups.push(() => tested.stop());
  session.start(
    buildDesired([buildBroker({ port: well.port }), buildBroker({ port: ill.port, name: 'second' })], {
      failover: { subscribe_on: 'all', after_s: null, failback_after_s: null },
      subscriptions: [probeSubscription(SETTINGS, 'one')],
    }),
  );
  await reaches('connected');
  expect(tested.report()).toBeNull();
  tested.use(SETTINGS, ['primary', 'second']);
  await waitFor(() => tested.report()?.state === 'ok');
  expect(texts().length).toBeGreaterThan(0);

  // From now on the second one lets no canary through.
  await ill.reload({ acl: ['topic readwrite orders/#'] });
  await waitFor(() => tested.report()?.state === 'lost');
  expect(tested.report()?.reason).toContain('"second": ');
  expect(events).toMatchObject([{ type: 'probe_lost', broker: 'second' }]);

  // Without it only the first counts; a probe that is taken away proves nothing any more.
  await ill.stop();
  await waitFor(() => tested.report()?.state === 'ok');
  tested.use(null, ['primary', 'second']);
  expect(tested.report()).toBeNull();
});
