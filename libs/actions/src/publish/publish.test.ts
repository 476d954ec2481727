import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { validateActions } from '../action-registry';
import { type ActionBench, createActionBench } from '../testing/action-bench';
import { generate } from 'mqtt-packet';
import { HopMemory } from './hop-memory';
import { createMqttPublisher } from './mqtt-publisher';
import { HOPS_PROPERTY, MAX_HOPS } from './hops';
import type { Sibling } from './publish-cycle';
import { NO_LIMITS, packetBytes } from './publish-limits';
import type { PublishRequest } from './publisher';

let broker: Mosquitto;
let publishing: MqttClient | null;
let receiving: MqttClient;
let received: { topic: string; payload: Buffer; packet: IPublishPacket }[];
let bench: ActionBench;

beforeAll(async () => {
  broker = await startMosquitto({
    users: { app: 'pw' },
    acl: ['user app', 'topic readwrite out/#', 'topic readwrite orders/#'],
  });
  const options = { protocolVersion: 5, username: 'app', password: 'pw', reconnectPeriod: 0 } as const;
  publishing = await connectAsync(broker.url, options);
  receiving = await connectAsync(broker.url, options);
  await receiving.subscribeAsync('out/#', { qos: 2 });
  receiving.on('message', (topic, payload, packet) => received.push({ topic, payload, packet }));
  bench = createActionBench({ publisher: createMqttPublisher({ client: () => publishing }) });
});

beforeEach(() => {
  received = [];
});

afterAll(async () => {
  await bench?.stop();
  await publishing?.endAsync(true);
  await receiving?.endAsync(true);
  await broker?.stop();
});

async function next(): Promise<(typeof received)[0]> {
  await waitFor(() => received.length > 0, { message: 'the published message' });
  return received[0] as (typeof received)[0];
}

describe('what is published', () => {
  it("is the message's own payload, byte for byte, with its content type", async () => {
    const payload = Buffer.from([0, 255, 1, 2]);
    await bench.run(
      { type: 'publish', topic: 'out/{{params.order}}' },
      { payload, format: 'binary', content_type: 'application/x' },
    );
    const { topic, payload: got, packet } = await next();
    expect(topic).toBe('out/7');
    expect(got).toEqual(payload);
    expect(packet.properties).toMatchObject({
      contentType: 'application/x',
      userProperties: { 'message-id': 'msg_test', [HOPS_PROPERTY]: '1' },
    });
  });

  it('keeps a JSON payload that nothing could parse', async () => {
    await bench.run({ type: 'publish', topic: 'out/raw' }, { payload: '{"a":' });
    expect((await next()).payload.toString()).toBe('{"a":');
  });

  it('follows the definition', async () => {
    await bench.run(
      {
        type: 'publish',
        topic: 'out/x',
        payload: '{"n": {{payload.order.name}}, "in": {{input}}}',
        input: 'payload.order.id',
        qos: 2,
        retain: false,
        user_properties: { order: '{{params.order}}', 'message-id': 'own' },
        content_type: 'application/json',
        message_expiry_s: 60,
      },
      { envelope: { user_properties: { [HOPS_PROPERTY]: '3' } } },
    );
    const { payload, packet } = await next();
    expect(JSON.parse(payload.toString())).toEqual({ n: 'Zoë', in: 7 });
    expect(packet.qos).toBe(2);
    // What is left of a minute when the broker passes it on (MQTT 5, 3.3.2.3.3).
    const left_s = packet.properties?.messageExpiryInterval ?? 0;
    expect(left_s).toBeLessThanOrEqual(60);
    expect(left_s).toBeGreaterThan(0);
    expect(packet.properties).toMatchObject({
      contentType: 'application/json',
      userProperties: { order: '7', 'message-id': 'own', [HOPS_PROPERTY]: '4' },
    });
  });

  it('stays at the broker when retained', async () => {
    await bench.run({ type: 'publish', topic: 'out/kept', retain: true, payload: '{{topic}}' });
    const late = await connectAsync(broker.url, { username: 'app', password: 'pw', reconnectPeriod: 0 });
    try {
      const kept = new Promise<IPublishPacket>((resolve) => late.on('message', (_t, _p, packet) => resolve(packet)));
      await late.subscribeAsync('out/kept');
      expect((await kept).retain).toBe(true);
    } finally {
      await late.endAsync(true);
    }
  });
});

describe('publishing fails', () => {
  it('for good when the broker refuses the topic', async () => {
    expect(await bench.faultOf({ type: 'publish', topic: 'secret/x' })).toMatchObject({
      permanent: true,
      detail: { code: 'PUBACK', status: 0x87 },
    });
  });

  it('for good when the message goes round in circles', async () => {
    const fault = await bench.faultOf(
      { type: 'publish', topic: 'out/x' },
      { envelope: { user_properties: { [HOPS_PROPERTY]: String(MAX_HOPS) } } },
    );
    expect(fault).toMatchObject({ permanent: true, detail: { code: 'HOP_LIMIT' } });
  });

  it('for good when a value makes the topic invalid', async () => {
    const fault = await bench.faultOf({ type: 'publish', topic: 'out/{{payload.t}}' }, { payload: '{"t": "a/#"}' });
    expect(fault).toMatchObject({ permanent: true, detail: { code: 'INVALID_TOPIC' } });
  });

  it('for now when there is no connection', async () => {
    const unconnected = createActionBench({ publisher: createMqttPublisher({ client: () => null }) });
    expect(await unconnected.faultOf({ type: 'publish', topic: 'out/x' })).toMatchObject({
      permanent: false,
      detail: { code: 'NOT_CONNECTED' },
    });
    await unconnected.stop();
  });

  it('for now when the broker does not confirm in time', async () => {
    broker.suspend();
    try {
      const fault = await bench.faultOf({ type: 'publish', topic: 'out/x', timeout_ms: 100 });
      expect(fault).toMatchObject({ permanent: false, detail: { code: 'TIMEOUT' } });
    } finally {
      broker.resume();
    }
  });

  it('for good on MQTT 3.1.1 when it would trigger itself', async () => {
    const client = await connectAsync(broker.url, {
      protocolVersion: 4,
      username: 'app',
      password: 'pw',
      reconnectPeriod: 0,
    });
    const old = createActionBench({ publisher: createMqttPublisher({ client: () => client }) });
    try {
      expect(await old.faultOf({ type: 'publish', topic: 'orders/{{params.order}}' })).toMatchObject({
        permanent: true,
        detail: { code: 'LOOP' },
      });
      expect(await old.run({ type: 'publish', topic: 'out/fine' })).toMatchObject({ status: 'succeeded' });
    } finally {
      await client.endAsync(true);
      await old.stop();
    }
  });
});

describe('a definition is refused', () => {
  const faults = (fields: object, protocol_version: 4 | 5 = 5) =>
    validateActions([{ type: 'publish', topic: 'a', ...fields }], {
      context: { subscription: { topic_filter: 'orders/+', payload_format: 'json' }, protocol_version },
    }).faults.map((fault) => fault.field);

  it.each([
    [{ topic: 'a/+' }, 'topic'],
    [{ topic: '$share/g/a' }, 'topic'],
    [{ topic: 'a/{{payload.' }, 'topic'],
    [{ payload: '{{nope}}' }, 'payload'],
    [{ user_properties: { [HOPS_PROPERTY]: '0' } }, `user_properties.${HOPS_PROPERTY}`],
    [{ user_properties: { a: 1 } }, 'user_properties.a'],
    [{ qos: 3 }, 'qos'],
  ])('%j', (fields, field) => {
    expect(faults(fields)).toEqual([`actions[0].${field}`]);
  });

  it('when it would trigger itself on MQTT 3.1.1', () => {
    expect(faults({ topic: 'orders/7' }, 4)).toEqual(['actions[0].topic']);
    expect(faults({ topic: 'orders/7' }, 5)).toEqual([]);
    expect(faults({ topic: 'orders/7/done' }, 4)).toEqual([]);
  });
});

describe('what a broker does not take', () => {
  const request: PublishRequest = {
    topic: 'out/é',
    payload: Buffer.alloc(100),
    qos: 1,
    retain: false,
    user_properties: { a: ['1', '2'], 'message-id': 'm' },
    content_type: 'text/plain',
    message_expiry_s: 60,
  };

  it.each([4, 5] as const)('is measured as it goes over the wire, in MQTT %d', (version) => {
    for (const qos of [0, 1, 2] as const) {
      for (const bytes of [0, 100, 20_000]) {
        const { topic, retain, user_properties, content_type, message_expiry_s } = request;
        const properties = {
          userProperties: user_properties,
          contentType: content_type ?? undefined,
          messageExpiryInterval: message_expiry_s ?? undefined,
        };
        const payload = Buffer.alloc(bytes);
        const packet = generate(
          {
            cmd: 'publish',
            topic,
            payload,
            qos,
            retain,
            dup: false,
            messageId: qos === 0 ? undefined : 1,
            ...(version === 5 ? { properties } : {}),
          },
          { protocolVersion: version },
        );
        expect(packetBytes({ ...request, qos, payload }, version)).toBe(packet.length);
      }
    }
  });

  it('is not failed by a stall of our own, with the confirmation there to be read', async () => {
    const result = bench.run({ type: 'publish', topic: 'out/stall', timeout_ms: 400 }, { payload: '1' });
    await new Promise((resolve) => setImmediate(resolve));
    const until_ms = performance.now() + 1_000;
    while (performance.now() < until_ms);
    expect(await result).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    [{ maximum_packet_size: 120 }, /has \d+ bytes as a packet, and the broker takes 120 at most/],
    [{ maximum_qos: 0 }, /takes QoS 0 at most, not 1/],
    [{ retain_available: false }, /keeps no retained messages/],
  ] as const)('%j is named and never sent, for good', async (limit, reason) => {
    const sent: unknown[] = [];
    const client = {
      connected: true,
      options: { protocolVersion: 5 },
      publish: (...given: unknown[]) => sent.push(given),
    };
    const publisher = createMqttPublisher({
      client: () => client as unknown as MqttClient,
      limits: () => ({ ...NO_LIMITS, ...limit }),
    });
    const limited = createActionBench({ publisher });
    try {
      const fault = await limited.faultOf(
        { type: 'publish', topic: 'out/x', retain: 'retain_available' in limit },
        { payload: JSON.stringify('x'.repeat(200)) },
      );
      expect(fault).toMatchObject({ permanent: true, detail: { code: 'BROKER_LIMIT' } });
      expect(fault.message).toMatch(reason);
      expect(sent).toEqual([]);
    } finally {
      await limited.stop();
    }
  });

  it('is refused at save where the broker has said it', () => {
    const limits = { maximum_packet_size: null, maximum_qos: 1, retain_available: false } as const;
    const broker = { limits, protocol_version: 5 } as const;
    const faults = (fields: object) =>
      validateActions([{ type: 'publish', topic: 'a', ...fields }], { context: { broker } }).faults.map(
        ({ field }) => field,
      );
    expect(faults({})).toEqual([]);
    expect(faults({ qos: 2, retain: true })).toEqual(['actions[0].qos', 'actions[0].retain']);
  });
});

describe('two subscriptions that publish to each other on MQTT 3.1.1', () => {
  const check = (topic: string, siblings: Sibling[], protocol_version: 4 | 5 = 4) =>
    validateActions([{ type: 'publish', topic }], {
      context: { protocol_version, siblings, subscription: { topic_filter: 'ping/#', payload_format: 'json' } },
    }).faults;
  const pong = { name: 'pong', topic_filter: 'pong/+', published: ['ping/1'] };

  it('are refused at save where it can be seen, however long the way', () => {
    expect(check('pong/1', [pong])).toEqual([
      { field: 'actions[0].topic', message: expect.stringContaining('leads back through "pong"') },
    ]);
    const detour = { name: 'detour', topic_filter: 'away', published: ['pong/7', 'elsewhere'] };
    expect(check('away', [pong, detour])[0]?.message).toContain('"detour", "pong"');
    expect(check('pong/1', [{ ...pong, published: ['other'] }])).toEqual([]);
    expect(check('elsewhere', [pong, { name: 'own circle', topic_filter: 'o', published: ['o'] }])).toEqual([]);
    expect(check('pong/1', [pong], 5)).toEqual([]);
  });

  it('end at run time, where the broker passes messages back', async () => {
    const published: PublishRequest[] = [];
    const publisher = {
      supports_properties: false,
      publish: async (sent: PublishRequest) => void published.push(sent),
    };
    const circle = createActionBench({ publisher });
    try {
      const run = (topic: string, payload: Buffer | string) =>
        circle.run(
          { type: 'publish', topic: topic === 'ping' ? 'pong' : 'ping', payload: '{"n": {{ payload.n + 1 }}}' },
          { payload, topic_filter: topic, envelope: { topic } },
        );
      await run('ping', '{"n": 0}');
      let rounds = 1;
      const outcome = await (async () => {
        for (; rounds < 50; rounds += 1) {
          const last = published.at(-1) as PublishRequest;
          await run(last.topic, last.payload);
        }
      })().catch((error: unknown) => error);
      expect(outcome).toMatchObject({ permanent: true, detail: { code: 'HOP_LIMIT' } });
      expect(rounds).toBe(MAX_HOPS);
      // Another message of the same topics is no part of the circle.
      await run('ping', '{"n": 1000}');
    } finally {
      await circle.stop();
    }
  });

  it('are remembered for a while, and not without bound', () => {
    let now_ms = 0;
    const memory = new HopMemory(() => now_ms);
    const payload = Buffer.from('x');
    memory.remember('a', payload, 3);
    expect([memory.hopsOf('a', payload), memory.hopsOf('b', payload)]).toEqual([3, 0]);
    now_ms += 300_001;
    expect(memory.hopsOf('a', payload)).toBe(0);
    for (let n = 0; n < 10_001; n += 1) memory.remember(String(n), payload, 1);
    expect([memory.hopsOf('0', payload), memory.hopsOf('1', payload)]).toEqual([0, 1]);
  });
});
