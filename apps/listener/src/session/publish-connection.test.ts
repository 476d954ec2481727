import { ActionFault, type PublishRequest } from '@cortex-mqtt/actions';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import { createPublishConnection, type PublishConnection, type PublishConnectionDeps } from './publish-connection';
import { type ScriptedBrokerOptions, startScriptedBroker } from './scripted-broker.testing';
import { buildBroker, loopbackOnly, silentLogger } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function buildPublisher(
  broker: BrokerConnection | (() => BrokerConnection | null),
  overrides: Partial<PublishConnectionDeps> = {},
): PublishConnection {
  const publisher = createPublishConnection({
    broker: typeof broker === 'function' ? broker : () => broker,
    client_id: 'cmqp1itest',
    egress: loopbackOnly,
    logger: silentLogger,
    timing: { base_delay_ms: 20, max_delay_ms: 20, refused_delay_ms: 20, refused_max_delay_ms: 20 },
    ...overrides,
  });
  cleanups.push(() => publisher.stop());
  return publisher;
}

function buildRequest(overrides: Partial<PublishRequest> = {}): PublishRequest {
  return {
    topic: 'out/1',
    payload: Buffer.from('x'),
    qos: 1,
    retain: false,
    user_properties: {},
    content_type: null,
    message_expiry_s: null,
    ...overrides,
  };
}

async function startScript(options: ScriptedBrokerOptions = {}) {
  const broker = await startScriptedBroker(options);
  cleanups.push(() => broker.stop());
  return broker;
}

const within = (timeout_ms = 5_000) => ({ signal: AbortSignal.timeout(timeout_ms) });

it('tells a broker that hangs', async () => {
  const broker = await startMosquitto();
  cleanups.push(() => broker.stop());
  const publisher = buildPublisher(buildBroker({ port: broker.port, keep_alive: 1 }), {
    timing: { base_delay_ms: 60_000, max_delay_ms: 60_000, refused_delay_ms: 60_000, refused_max_delay_ms: 60_000 },
    random: () => 1,
  });
  await publisher.publish(buildRequest(), within());
  broker.suspend();
  await expect(publisher.publish(buildRequest(), within(30_000))).rejects.toThrow(ActionFault);
  // CONNECTION_DEAD, and nothing is tried before the pause is over.
  const words = () => publisher.publish(buildRequest(), within()).catch((error: Error) => error.message);
  await waitFor(async () => /stopped answering/.test(String(await words())));
});

it('publishes to a real broker, more at once than the broker takes', async () => {
  const broker = await startMosquitto();
  cleanups.push(() => broker.stop());
  const subscriber = await connectAsync(broker.url, { protocolVersion: 5 });
  cleanups.push(() => subscriber.endAsync());
  const received: string[] = [];
  subscriber.on('message', (_topic, payload) => received.push(payload.toString()));
  await subscriber.subscribeAsync('out/#', { qos: 1 });

  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  const texts = Array.from({ length: 300 }, (_, index) => String(index));
  await Promise.all(texts.map((text) => publisher.publish(buildRequest({ payload: Buffer.from(text) }), within())));
  await waitFor(() => received.length === 300);
  expect(received).toEqual(texts);
});

it('connects at the first publish, with an id of its own and no session', async () => {
  const broker = await startScript({
    onPacket: (packet, connection) => {
      if (packet.cmd === 'publish') connection.send({ cmd: 'puback', messageId: packet.messageId! });
      return packet.cmd === 'publish';
    },
  });
  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  expect(broker.connections).toHaveLength(0);
  await publisher.publish(buildRequest(), within());
  await publisher.publish(buildRequest(), within());
  expect(broker.connections.map(({ connect }) => [connect.clientId, connect.clean])).toEqual([['cmqp1itestP', true]]);
});

it('waits for the confirmation, and fails when the connection ends before it', async () => {
  const broker = await startScript();
  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  const publishing = publisher.publish(buildRequest(), within());
  const connection = await broker.connection(1);
  await waitFor(() => connection.of('publish').length === 1);
  connection.socket.destroy();
  await expect(publishing).rejects.toMatchObject({ name: 'ActionFault', permanent: false });
});

it('fails when its time is over, connected or not', async () => {
  const silent = await startScript({ connack: () => null });
  const publisher = buildPublisher(buildBroker({ port: silent.port }));
  await expect(publisher.publish(buildRequest(), within(50))).rejects.toMatchObject({ detail: { code: 'TIMEOUT' } });
  const unconfirmed = await startScript();
  const other = buildPublisher(buildBroker({ port: unconfirmed.port }));
  await expect(other.publish(buildRequest(), within(200))).rejects.toMatchObject({ detail: { code: 'TIMEOUT' } });
});

it('never has more unconfirmed than the broker allows, and gives the turn of one that gave up to the next', async () => {
  const broker = await startScript({ connack: () => ({ properties: { receiveMaximum: 1 } }) });
  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  const first = publisher.publish(buildRequest(), within());
  const connection = await broker.connection(1);
  await waitFor(() => connection.of('publish').length === 1);
  await expect(publisher.publish(buildRequest(), within(50))).rejects.toMatchObject({ detail: { code: 'TIMEOUT' } });
  const third = publisher.publish(buildRequest({ topic: 'out/3' }), within());
  connection.send({ cmd: 'puback', messageId: connection.of('publish')[0]!.messageId! });
  await first;
  await waitFor(() => connection.of('publish').length === 2);
  expect(connection.of('publish').map(({ topic }) => topic)).toEqual(['out/1', 'out/3']);
  connection.send({ cmd: 'puback', messageId: connection.of('publish')[1]!.messageId! });
  await third;
});

it('says why it has no connection, and connects when the next try is due', async () => {
  let is_open = false;
  const broker = await startScript({
    connack: () => (is_open ? {} : { reasonCode: 0x86 }),
    onPacket: (packet, connection) => {
      if (packet.cmd === 'publish') connection.send({ cmd: 'puback', messageId: packet.messageId! });
      return packet.cmd === 'publish';
    },
  });
  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  await expect(publisher.publish(buildRequest(), within())).rejects.toThrow(/user name or the password/);
  is_open = true;
  await waitFor(() =>
    publisher.publish(buildRequest(), within()).then(
      () => true,
      () => false,
    ),
  );
});

it('speaks 3.1.1 to a broker that refuses 5', async () => {
  const broker = await startScript({
    connack: ({ protocolVersion }) => (protocolVersion === 5 ? { reasonCode: 0x84 } : {}),
  });
  const publisher = buildPublisher(buildBroker({ port: broker.port }));
  expect(publisher.supports_properties).toBe(true);
  await expect(publisher.publish(buildRequest({ qos: 0 }), within())).rejects.toThrow(/MQTT 5/);
  await publisher.publish(buildRequest({ qos: 0 }), within());
  expect(publisher.supports_properties).toBe(false);
});

it('closes when idle, and follows the broker in use', async () => {
  const onPacket: ScriptedBrokerOptions['onPacket'] = (packet, connection) => {
    if (packet.cmd === 'publish') connection.send({ cmd: 'puback', messageId: packet.messageId! });
    return packet.cmd === 'publish';
  };
  const first = await startScript({ onPacket });
  const second = await startScript({ onPacket });
  let port = first.port;
  const publisher = buildPublisher(() => buildBroker({ port }), { idle_close_ms: 30 });
  await publisher.publish(buildRequest(), within());
  await waitFor(() => first.connections[0]!.of('disconnect').length === 1);
  await publisher.publish(buildRequest(), within());
  expect(first.connections).toHaveLength(2);
  port = second.port;
  await publisher.publish(buildRequest(), within());
  expect(second.connections).toHaveLength(1);
  await waitFor(() => first.connections[1]!.of('disconnect').length === 1);
});

it('fails at once without a broker', async () => {
  await expect(buildPublisher(() => null).publish(buildRequest(), within())).rejects.toThrow(/no broker/);
});
