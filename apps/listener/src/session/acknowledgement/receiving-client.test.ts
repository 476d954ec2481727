import { connect as connectSocket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { waitFor } from '@cortex-mqtt/testing';
import type { IClientOptions } from 'mqtt';
import { generate, type IPublishPacket, type Packet } from 'mqtt-packet';
import type { IncomingMessage } from '../incoming-message';
import { type ScriptedBroker, type ScriptedBrokerOptions, startScriptedBroker } from '../scripted-broker.testing';
import { readPublish } from './publish-packet';
import { type ReceiverConnection, ReceiverSession } from './receiver-session';
import { ReceivingClient } from './receiving-client';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Receiver {
  broker: ScriptedBroker;
  receiver: ReceiverSession;
  messages: IncomingMessage[];
  errors: Error[];
  /** Opens a connection of the same session; resolves after CONNACK. */
  connect(options?: IClientOptions): Promise<ReceivingClient>;
}

async function buildReceiver(
  overrides: {
    broker?: ScriptedBrokerOptions;
    limits?: { messages: number; bytes: number };
    onMessage?: (message: IncomingMessage) => void;
  } = {},
): Promise<Receiver> {
  const broker = await startScriptedBroker(overrides.broker);
  cleanups.push(() => broker.stop());
  const messages: IncomingMessage[] = [];
  const errors: Error[] = [];
  const receiver = new ReceiverSession({
    limits: overrides.limits ?? { messages: 100, bytes: 1_000_000 },
    onMessage: (message) => {
      messages.push(message);
      overrides.onMessage?.(message);
    },
  });
  return {
    broker,
    receiver,
    messages,
    errors,
    connect: async (options) => {
      const client = new ReceivingClient({
        options: { clientId: 'listener', clean: false, protocolVersion: 5, keepalive: 60, ...options },
        openTransport: () => connectSocket(broker.port, '127.0.0.1'),
        receiver,
        name: 'primary',
      });
      client.on('error', (error) => errors.push(error as Error));
      client.connect();
      cleanups.push(() => void client.end(true));
      await waitFor(() => client.connected, { message: () => `CONNACK (${errors.join(', ')})` });
      return client;
    },
  };
}

function buildPublish(messageId: number, overrides: Partial<IPublishPacket> = {}): IPublishPacket {
  return {
    cmd: 'publish',
    topic: `orders/${messageId}`,
    payload: Buffer.from(`payload ${messageId}`),
    qos: 1,
    dup: false,
    retain: false,
    messageId,
    ...overrides,
  };
}

const topics = (messages: readonly IncomingMessage[]): string[] => messages.map(({ topic }) => topic);

/** Sends a PINGREQ and waits for its answer: by then everything sent before has been read by both sides. */
async function exchangePing(connection: { of(cmd: 'pingreq'): Packet[] }, client: ReceivingClient): Promise<void> {
  const before = connection.of('pingreq').length;
  const answered = new Promise<void>((resolve) => {
    client.on('packetreceive', function listen(packet) {
      if (packet.cmd !== 'pingresp') return;
      client.removeListener('packetreceive', listen);
      resolve();
    });
  });
  client.sendPing();
  await waitFor(() => connection.of('pingreq').length > before);
  await answered;
}

describe.each([4, 5] as const)('acknowledgements with protocol version %i', (protocolVersion) => {
  it('sends no PUBACK before a message is settled, and then exactly its four bytes', async () => {
    const { broker, messages, connect } = await buildReceiver();
    const client = await connect({ protocolVersion });
    const [connection] = broker.connections;
    const bytes: Buffer[] = [];
    connection!.send(buildPublish(258));
    await waitFor(() => messages.length === 1);
    await exchangePing(connection!, client);
    expect(connection!.acknowledgements()).toEqual([]);

    connection!.socket.on('data', (chunk) => bytes.push(chunk));
    messages[0]!.settle();
    await waitFor(() => bytes.length > 0);
    expect(Buffer.concat(bytes).toString('hex')).toBe('40020102');
  });

  it('acknowledges in order of receipt, whatever the order of settling', async () => {
    const { broker, messages, connect } = await buildReceiver();
    const client = await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send(...[1, 2, 3, 4].map((id) => buildPublish(id)));
    await waitFor(() => messages.length === 4);

    for (const index of [3, 1, 2]) messages[index]!.settle();
    await exchangePing(connection!, client);
    expect(connection!.acknowledgements()).toEqual([]);

    messages[0]!.settle();
    await waitFor(() => connection!.acknowledgements().length === 4);
    expect(connection!.acknowledgements()).toEqual(['puback 1', 'puback 2', 'puback 3', 'puback 4']);
  });

  it('writes everything that was settled in one turn as one segment', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send(...[1, 2, 3].map((id) => buildPublish(id)));
    await waitFor(() => messages.length === 3);
    const segments: string[] = [];
    connection!.socket.on('data', (chunk) => segments.push(chunk.toString('hex')));

    for (const message of messages) message.settle();
    await waitFor(() => segments.length > 0);
    expect(segments).toEqual(['400200014002000240020003']);
  });

  it('counts only the first of several settlings', async () => {
    const { broker, messages, receiver, connect } = await buildReceiver();
    const client = await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send(buildPublish(1), buildPublish(2));
    await waitFor(() => messages.length === 2);

    messages[0]!.settle();
    messages[0]!.settle();
    messages[0]!.settle();
    await exchangePing(connection!, client);
    expect(connection!.acknowledgements()).toEqual(['puback 1']);
    expect(receiver.in_flight).toBe(1);
  });

  it('holds PUBREC of QoS 2 until the message is settled, then completes on PUBREL', async () => {
    const { broker, messages, connect } = await buildReceiver();
    const client = await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send(buildPublish(7, { qos: 2 }));
    await waitFor(() => messages.length === 1);
    await exchangePing(connection!, client);
    expect(connection!.acknowledgements()).toEqual([]);

    messages[0]!.settle();
    await waitFor(() => connection!.acknowledgements().length === 1);
    connection!.send({ cmd: 'pubrel', messageId: 7 });
    await waitFor(() => connection!.acknowledgements().length === 2);
    expect(connection!.acknowledgements()).toEqual(['pubrec 7', 'pubcomp 7']);
  });

  it('never runs a QoS 2 message twice between PUBREC and PUBREL, also in the next connection', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect({ protocolVersion });
    const [first] = broker.connections;
    first!.send(buildPublish(7, { qos: 2 }));
    await waitFor(() => messages.length === 1);
    messages[0]!.settle();
    await waitFor(() => first!.acknowledgements().length === 1);
    first!.socket.destroy();

    await connect({ protocolVersion });
    const second = broker.connections[1]!;
    second.send(buildPublish(7, { qos: 2, dup: true }));
    await waitFor(() => second.acknowledgements().length === 1);
    second.send({ cmd: 'pubrel', messageId: 7 });
    await waitFor(() => second.acknowledgements().length === 2);
    // The same number after PUBCOMP is another message.
    second.send(buildPublish(7, { qos: 2, topic: 'orders/new' }));
    await waitFor(() => messages.length === 2);
    expect(second.acknowledgements()).toEqual(['pubrec 7', 'pubcomp 7']);
    expect(topics(messages)).toEqual(['orders/7', 'orders/new']);
  });

  it('runs a new QoS 2 message of a broker that forgot what it did last, although its number awaits PUBREL', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect({ protocolVersion });
    const [first] = broker.connections;
    first!.send(buildPublish(7, { qos: 2 }));
    await waitFor(() => messages.length === 1);
    messages[0]!.settle();
    await waitFor(() => first!.acknowledgements().length === 1);
    first!.socket.destroy();

    // It was killed, and continues with the session as of its last snapshot.
    await connect({ protocolVersion });
    const second = broker.connections[1]!;
    second.send(buildPublish(7, { qos: 2, topic: 'orders/new' }));
    await waitFor(() => messages.length === 2);
    messages[1]!.settle();
    await waitFor(() => second.acknowledgements().length === 1);
    second.send({ cmd: 'pubrel', messageId: 7 });
    await waitFor(() => second.acknowledgements().length === 2);
    expect(second.acknowledgements()).toEqual(['pubrec 7', 'pubcomp 7']);
    expect(topics(messages)).toEqual(['orders/7', 'orders/new']);
  });

  it('answers a PUBREL it knows nothing of', async () => {
    const { broker, connect } = await buildReceiver();
    await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send({ cmd: 'pubrel', messageId: 9 });
    await waitFor(() => connection!.acknowledgements().length === 1);
    expect(connection!.acknowledgements()).toEqual(['pubcomp 9']);
  });

  it('sends no acknowledgement of an ended connection to the next one', async () => {
    const { broker, messages, connect } = await buildReceiver({
      broker: { connack: () => ({ sessionPresent: false }) },
    });
    await connect({ protocolVersion });
    broker.connections[0]!.send(buildPublish(1));
    await waitFor(() => messages.length === 1);
    broker.connections[0]!.socket.destroy();

    const client = await connect({ protocolVersion });
    const second = broker.connections[1]!;
    second.send(buildPublish(1, { topic: 'orders/other' }));
    await waitFor(() => messages.length === 2);
    messages[0]!.settle();
    await exchangePing(second, client);
    expect(second.acknowledgements()).toEqual([]);
    messages[1]!.settle();
    await waitFor(() => second.acknowledgements().length === 1);
  });

  it('runs a message that comes again in the session only once, and acknowledges it on the new connection', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect({ protocolVersion });
    broker.connections[0]!.send(buildPublish(1), buildPublish(2, { qos: 2 }), buildPublish(3));
    await waitFor(() => messages.length === 3);
    broker.connections[0]!.socket.destroy();

    const client = await connect({ protocolVersion });
    const second = broker.connections[1]!;
    second.send(buildPublish(1, { dup: true }), buildPublish(2, { qos: 2, dup: true }));
    await exchangePing(second, client);
    expect(messages).toHaveLength(3);
    // Settled before it came again: acknowledged at once.
    messages[2]!.settle();
    second.send(buildPublish(3, { dup: true }));
    messages[1]!.settle();
    await waitFor(() => second.acknowledgements().includes('pubrec 2'));
    messages[0]!.settle();
    await waitFor(() => second.acknowledgements().length === 3);
    expect(second.acknowledgements()).toEqual(['pubrec 2', 'puback 1', 'puback 3']);
    expect(messages).toHaveLength(3);
  });

  it('runs a redelivery that has the number of a running message but other bytes', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect({ protocolVersion });
    broker.connections[0]!.send(buildPublish(1));
    await waitFor(() => messages.length === 1);
    broker.connections[0]!.socket.destroy();

    const client = await connect({ protocolVersion });
    const second = broker.connections[1]!;
    second.send(buildPublish(1, { dup: true, payload: Buffer.from('another') }));
    await waitFor(() => messages.length === 2);
    messages[0]!.settle();
    await exchangePing(second, client);
    expect(second.acknowledgements()).toEqual([]);
    messages[1]!.settle();
    await waitFor(() => second.acknowledgements().length === 1);
  });

  it('ignores a repeat within the connection, and acknowledges it once', async () => {
    const { broker, messages, connect } = await buildReceiver();
    const client = await connect({ protocolVersion });
    const [connection] = broker.connections;
    connection!.send(buildPublish(1), buildPublish(1, { dup: true }));
    await exchangePing(connection!, client);
    expect(messages).toHaveLength(1);
    messages[0]!.settle();
    await exchangePing(connection!, client);
    expect(connection!.acknowledgements()).toEqual(['puback 1']);
  });

  it('reads messages that come in the same segment as CONNACK, and packets cut anywhere', async () => {
    const { broker, messages, connect } = await buildReceiver({ broker: { connack: () => null } });
    const connecting = connect({ protocolVersion });
    const connection = await broker.connection(1);
    const payload = Buffer.alloc(70_000, 'x');
    const bytes = Buffer.concat(
      [
        { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: true } as Packet,
        buildPublish(1),
        buildPublish(2, { payload }),
        buildPublish(3),
      ].map((packet) => generate(packet, { protocolVersion } as never)),
    );
    let at = 0;
    for (const size of [1, 1, 2, 1, 1, 3, 5, 30, 1, 1, 1, 40_000, 1, bytes.length]) {
      connection.sendBytes(bytes.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await connecting;
    await waitFor(() => messages.length === 3);
    expect(topics(messages)).toEqual(['orders/1', 'orders/2', 'orders/3']);
    expect(messages[1]!.payload.equals(payload)).toBe(true);
  });
});

describe('back-pressure', () => {
  it('takes no more messages than the limit, and the next when one is settled', async () => {
    const { broker, messages, receiver, connect } = await buildReceiver({ limits: { messages: 2, bytes: 1_000_000 } });
    const client = await connect();
    const [connection] = broker.connections;
    connection!.send(...[1, 2, 3, 4, 5].map((id) => buildPublish(id)));
    await exchangePing(connection!, client);
    expect(topics(messages)).toEqual(['orders/1', 'orders/2']);
    expect(receiver.in_flight).toBe(2);

    for (let next = 0; next < 5; next += 1) {
      await waitFor(() => messages.length > next);
      messages[next]!.settle();
    }
    await waitFor(() => connection!.acknowledgements().length === 5);
    expect(topics(messages)).toEqual([1, 2, 3, 4, 5].map((id) => `orders/${id}`));
  });

  it('bounds the bytes as well, QoS 0 included', async () => {
    const { broker, messages, receiver, connect } = await buildReceiver({ limits: { messages: 100, bytes: 50_000 } });
    const client = await connect();
    const [connection] = broker.connections;
    const payload = Buffer.alloc(20_000);
    connection!.send(...[1, 2, 3, 4].map((id) => buildPublish(id, { payload, qos: id % 2 === 0 ? 0 : 1 })));
    await exchangePing(connection!, client);
    expect(messages).toHaveLength(2);
    expect(receiver.in_flight_bytes).toBeLessThanOrEqual(50_000);
    messages[1]!.settle();
    await waitFor(() => messages.length === 3);
  });

  it('takes more when the last acknowledgements leave that were gathered', async () => {
    const receiver = new ReceiverSession({
      limits: { messages: 100, bytes: 1_000 },
      onMessage: (message) => message.settle(),
    });
    const written: Buffer[] = [];
    let isRoom = false;
    const connection: ReceiverConnection = {
      name: 'primary',
      version: 4,
      write: (packets) => written.push(packets),
      onRoom: () => {
        isRoom = true;
      },
    };
    receiver.attach(connection);
    const offer = (packet_id: number, payload_bytes: number) => {
      const bytes = generate(buildPublish(packet_id, { payload: Buffer.alloc(payload_bytes) }));
      // Behind the first byte stands the remaining length, of one byte below 128 and of two here.
      return receiver.offer(connection, readPublish(bytes, bytes[0]!, payload_bytes < 100 ? 2 : 3, bytes.length, 4));
    };
    offer(1, 10);
    await nextTurn();
    expect(written).toHaveLength(1);
    // Settled at once, but only gathered: the one before has just been acknowledged.
    offer(2, 700);
    expect(offer(3, 700)).toBe('full');
    await waitFor(() => isRoom);
    expect(offer(3, 700)).toBe('taken');
  });

  it('takes one message that is larger than the limit', async () => {
    const { broker, messages, connect } = await buildReceiver({ limits: { messages: 100, bytes: 1_000 } });
    await connect();
    broker.connections[0]!.send(buildPublish(1, { payload: Buffer.alloc(200_000) }));
    await waitFor(() => messages.length === 1);
  });

  it('stays connected beyond the keep-alive while nothing is settled and the socket is not read', async () => {
    const { broker, messages, errors, connect } = await buildReceiver({ limits: { messages: 1, bytes: 1_000 } });
    const client = await connect({ keepalive: 1 });
    const [connection] = broker.connections;
    const payload = Buffer.alloc(100_000);
    // 5 MB: more than the read-ahead, so the PINGRESPs stand behind what is not read.
    for (let id = 1; id <= 50; id += 1) connection!.send(buildPublish(id, { payload }));
    await waitFor(() => connection!.of('pingreq').length >= 3);
    expect(client.connected).toBe(true);
    expect(errors).toEqual([]);

    for (let next = 0; next < 50; next += 1) {
      await waitFor(() => messages.length > next);
      messages[next]!.settle();
    }
    await waitFor(() => connection!.acknowledgements().length === 50);
  });

  it('hears SUBACK while it is full', async () => {
    const { broker, messages, connect } = await buildReceiver({ limits: { messages: 1, bytes: 1_000 } });
    const client = await connect();
    broker.connections[0]!.send(...[1, 2, 3].map((id) => buildPublish(id)));
    await waitFor(() => messages.length === 1);
    const granted = await client.subscribeAsync('orders/#', { qos: 1 });
    expect(granted.map(({ qos }) => qos)).toEqual([1]);
  });

  it('ends a connection on which nothing comes back', async () => {
    const { broker, errors, connect } = await buildReceiver({
      broker: { onPacket: (packet) => packet.cmd === 'pingreq' },
    });
    const client = await connect({ keepalive: 1 });
    await waitFor(() => !client.connected);
    expect(errors.map(({ message }) => message)).toEqual(['Keepalive timeout']);
    expect(broker.connections[0]!.of('pingreq')).toHaveLength(1);
  });
});

describe('messages', () => {
  it('brings the properties of MQTT 5', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect();
    broker.connections[0]!.send(
      buildPublish(1, {
        retain: true,
        properties: {
          payloadFormatIndicator: true,
          messageExpiryInterval: 70_000,
          contentType: 'application/json',
          responseTopic: 'answers/ü',
          correlationData: Buffer.from([0, 255]),
          subscriptionIdentifier: [3, 2_097_152] as never,
          userProperties: { trace: 'a', list: ['1', '2', '3'] },
        },
      }),
      buildPublish(2, { properties: {} }),
      buildPublish(3, { properties: { subscriptionIdentifier: 2_097_152 } }),
    );
    await waitFor(() => messages.length === 3);
    expect(messages[0]).toMatchObject({
      retain: true,
      connection: 'primary',
      subscription_identifiers: [3, 2_097_152],
      properties: {
        payload_is_utf8: true,
        message_expiry_s: 70_000,
        content_type: 'application/json',
        response_topic: 'answers/ü',
        correlation_data: Buffer.from([0, 255]),
        user_properties: { trace: 'a', list: ['1', '2', '3'] },
      },
    });
    expect(messages[1]).toMatchObject({ subscription_identifiers: [], properties: { user_properties: {} } });
    expect(messages[2]).toMatchObject({ subscription_identifiers: 2_097_152 });
  });

  it('takes a user property named __proto__ as a name like any other', async () => {
    const { broker, messages, connect } = await buildReceiver();
    await connect();
    const userProperties = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    broker.connections[0]!.send(buildPublish(1, { properties: { userProperties } }));
    await waitFor(() => messages.length === 1);
    const { user_properties } = messages[0]!.properties;
    expect(Object.entries(user_properties)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(user_properties)).toBe(Object.prototype);
  });

  it.each([
    ['QoS 3', '360700016100010041'],
    ['packet identifier 0', '320700016100000041'],
    ['a topic longer than the packet', '3204000961ff'],
    ['a topic alias that was not allowed', '30080001610323000141'],
    ['a remaining length of five bytes', '30ffffffff01'],
  ])('leaves a broker that sends %s, with a reason', async (_what, hex) => {
    const { broker, errors, messages, connect } = await buildReceiver();
    const client = await connect();
    const [connection] = broker.connections;
    connection!.sendBytes(Buffer.from(hex, 'hex'));
    await waitFor(() => !client.connected);
    await waitFor(() => connection!.of('disconnect').length === 1);
    expect(connection!.of('disconnect')[0]!.reasonCode).toBeGreaterThanOrEqual(0x80);
    expect(messages).toEqual([]);
    expect(errors.map(({ name }) => name)).toEqual(['ProtocolFault']);
  });
});

describe('shutdown', () => {
  it('is idle when all is settled and acknowledged, and takes nothing new meanwhile', async () => {
    const { broker, messages, receiver, connect } = await buildReceiver();
    const client = await connect();
    const [connection] = broker.connections;
    connection!.send(buildPublish(1), buildPublish(2));
    await waitFor(() => messages.length === 2);
    receiver.stopAccepting();
    connection!.send(buildPublish(3));
    await exchangePing(connection!, client);

    const idle = receiver.idle();
    messages[1]!.settle();
    messages[0]!.settle();
    await idle;
    await client.endAsync();
    await waitFor(() => connection!.of('disconnect').length === 1);
    expect(connection!.acknowledgements()).toEqual(['puback 1', 'puback 2']);
    expect(messages).toHaveLength(2);
    expect(receiver.oldest_received_at_ms).toBeNull();
  });
});
