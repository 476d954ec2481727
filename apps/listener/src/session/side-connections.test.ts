import { probeConnection } from '@cortex-mqtt/mqtt';
import { type Mosquitto, startEmbeddedBroker, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { createPublishConnection } from './publish-connection';
import {
  buildBroker,
  buildDesired,
  buildSession,
  loopbackOnly,
  silentLogger,
  type TestedSession,
} from './session.testing';
import { startSharedProofs } from './shared-proof';
import { SideConnections } from './side-connections';

const MESSAGE = {
  ...{ topic: 'out', payload: Buffer.from('1'), qos: 1 as const, retain: false, user_properties: {} },
  ...{ content_type: null, message_expiry_s: null },
} as const;

describe('connections beside the session, at a broker that makes client ids of user names', () => {
  let mosquitto: Mosquitto;
  let live: TestedSession;
  beforeAll(async () => {
    mosquitto = await startMosquitto({
      users: { plant: 'secret' },
      listeners: [{ config: ['use_username_as_clientid true'] }],
    });
  });
  afterEach(() => live.session.stop({ drain_ms: 0 }));
  afterAll(() => mosquitto.stop());

  const broker = (connections: 'one' | 'several') =>
    buildBroker({ port: mosquitto.port, username: 'plant', password: 'secret', connections });

  async function start(connections: 'one' | 'several') {
    const harms: string[] = [];
    const sides = new SideConnections({ onHarm: (name, by) => harms.push(`${name}: ${by}`) });
    live = buildSession();
    live.session.on('event', ({ type, broker: name, detail }) => {
      if (type === 'disconnected' && detail.code !== 'CLOSED_BY_LISTENER') sides.liveEnded(String(name));
    });
    live.session.start(buildDesired(broker(connections)));
    await live.reaches('connected');
    const publishing = createPublishConnection({
      broker: () => live.session.activeBroker(),
      client_id: 'cmqp1itest',
      refusal: (one) => sides.refusal(one),
      onConnack: (one) => sides.opened(one, 'publishing'),
      egress: loopbackOnly,
      logger: silentLogger,
    });
    const publish = () => publishing.publish(MESSAGE, { signal: AbortSignal.timeout(5_000) });
    return { sides, harms, publishing, publish };
  }

  it('are noticed when they end the live one, named, and opened no more', async () => {
    const { sides, harms, publishing, publish } = await start('several');
    // Whether it is confirmed before the live one takes its session back is a matter of luck.
    await publish().catch(() => undefined);
    await waitFor(() => harms.length > 0);
    expect(harms).toEqual(['primary: publishing']);
    expect(sides.warnings()).toMatchObject([{ code: 'SIDE_CONNECTION_ENDS_SESSION' }]);
    await live.reaches('connected');
    const ended = live.eventTypes().filter((type) => type === 'disconnected').length;
    await expect(publish()).rejects.toMatchObject({ message: expect.stringContaining('ended the live one') });
    expect(live.eventTypes().filter((type) => type === 'disconnected')).toHaveLength(ended);
    await publishing.stop();
  });

  it('are never opened with "connections: one", and what needs them says so', async () => {
    const { harms, publishing, publish } = await start('one');
    await expect(publish()).rejects.toMatchObject({
      permanent: true,
      message: expect.stringContaining('one connection'),
    });
    const result = await probeConnection(
      { id: '1', broker: broker('one'), topic_filters: [], roundtrip_topic: null, timeout_ms: 5_000 },
      { egress: loopbackOnly, tested_from: 'listener' },
    );
    expect(result.stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual(
      expect.arrayContaining(['tcp passed', 'connect skipped', 'subscribe skipped', 'roundtrip skipped']),
    );
    expect(result).toMatchObject({
      status: 'success',
      connected: false,
      warnings: [{ code: 'NOT_TESTED_BY_CONNECTING' }],
    });
    expect(live.eventTypes()).not.toContain('disconnected');
    expect(harms).toEqual([]);
    await publishing.stop();
  });
});

it('shared subscriptions that a broker of 3.1.1 takes literally are found out', async () => {
  const credentials = { username: 'demo', password: 'demo' };
  const [aedes, mosquitto] = await Promise.all([startEmbeddedBroker(credentials), startMosquitto()]);
  const prove = (port: number) =>
    startSharedProofs({
      sharing: () => [buildBroker({ port, protocol_version: 4, ...credentials })],
      connack: () => ({ protocol_version: '3.1.1' }),
      refusal: () => null,
      onConnack: () => undefined,
      ...{ egress: loopbackOnly, logger: silentLogger, check_every_ms: 10 },
      onChange: () => changes.push(port),
    });
  const changes: number[] = [];
  const proofs = [prove(aedes.port), prove(mosquitto.port)];
  await waitFor(() => changes.length === 2, { timeout_ms: 10_000 });
  expect(proofs.map((proof) => proof.fault()?.code ?? null)).toEqual(['SHARED_NOT_SUPPORTED', null]);
  for (const proof of proofs) proof.stop();
  await Promise.all([aedes.stop(), mosquitto.stop()]);
});

it('a broker of MQTT 5 that says it has no shared subscriptions is believed', () => {
  const proofs = startSharedProofs({
    sharing: () => [buildBroker({ port: 1 })],
    connack: () => ({ protocol_version: '5.0', shared_subscriptions_available: false }),
    refusal: () => null,
    onConnack: () => undefined,
    ...{ egress: loopbackOnly, logger: silentLogger, onChange: () => undefined },
  });
  expect(proofs.fault()).toMatchObject({ code: 'SHARED_NOT_SUPPORTED' });
  proofs.stop();
});
