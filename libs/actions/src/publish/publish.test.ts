import { type Mosquitto, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { validateActions } from '../action-registry';
import { type ActionBench, createActionBench } from '../testing/action-bench';
import { createMqttPublisher } from './mqtt-publisher';
import { HOPS_PROPERTY, MAX_HOPS } from './publish.action';

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
