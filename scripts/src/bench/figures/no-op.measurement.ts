import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { rates } from '../rounds';
import { openSink, openWorker } from '../workers';

const SUBSCRIPTIONS = 100;
const PAYLOAD_BYTES = 128;
const BROKER_MESSAGES = 60_000;
const STUB_MESSAGES = 200_000;
const LIMIT_MS = 120_000;

export const topics = (count: number): string[] => Array.from({ length: count }, (_, index) => `bench/orders/${index}`);

/** QoS 1 in through Mosquitto, an action that does nothing, each message matched against 100 subscriptions. */
export const noOpMosquitto: Measurement = {
  name: 'no-op-mosquitto',
  run: (context) => withStops(context, measureMosquitto),
};

async function measureMosquitto(context: BenchContext): Promise<Figure[]> {
  const filters = topics(SUBSCRIPTIONS);
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const burst = { port: broker.port, topics: filters, count: BROKER_MESSAGES, payload_bytes: PAYLOAD_BYTES };
  const end = { ...burst, topics: ['bench/end'], count: 1 };

  const plain = await withStops(context, async (inner) => {
    const subscriber = await openWorker('plain-subscriber', inner);
    await subscriber.call('subscribe', { port: broker.port, filters: [...filters, 'bench/end'] });
    return rates({ context, who: 'plain mqtt.js', pid: subscriber.pid, messages: BROKER_MESSAGES }, async () => {
      await subscriber.call('reset', null);
      const ended = subscriber.call('expect', { count: BROKER_MESSAGES + 1, timeout_ms: LIMIT_MS });
      const { started_ms } = await publisher.call('burst', burst);
      await publisher.call('burst', end);
      return (await ended).last_ms - started_ms;
    });
  });
  const own = await withStops(context, async (inner) => {
    const { sink, port } = await openSink(inner);
    // The last message tells the time: everything before it has been through its action by then.
    const subscriptions = [
      ...filters.map((topic_filter) => ({ topic_filter })),
      { topic_filter: 'bench/end', actions: [webhookTo(port)] },
    ];
    const { pid } = await startListenerUnderTest({ broker_port: broker.port, subscriptions }, inner);
    return rates({ context, who: 'cortex-mqtt', pid, messages: BROKER_MESSAGES }, async () => {
      await sink.call('reset', { delay_ms: 0 });
      const { started_ms } = await publisher.call('burst', burst);
      await publisher.call('burst', end);
      const { received, last_ms } = await sink.call('expect', { count: 1, timeout_ms: LIMIT_MS });
      if (received < 1) throw new Error('the listener did not get through the burst');
      return last_ms - started_ms;
    });
  });
  return [
    {
      name: 'no-op-mosquitto',
      title: 'QoS 1 in, no-op action, 100 subscriptions, Mosquitto',
      unit: 'msg/s',
      against: 'plain mqtt.js',
      goal: { at_least: 1 },
      ours: own,
      theirs: plain,
    },
  ];
}

/** The same without a broker in the way: what the two sides can take. */
export const noOpStub: Measurement = { name: 'no-op-stub', run: (context) => withStops(context, measureStub) };

async function measureStub(context: BenchContext): Promise<Figure[]> {
  const filters = topics(SUBSCRIPTIONS);
  const payload = JSON.stringify({ order: { id: 4711, customer: 'x'.repeat(PAYLOAD_BYTES - 40) } });
  const stub = await openWorker('stub-broker', context);
  const port = await stub.call('listen', null);
  const once = async () => {
    const { started_ms, ended_ms } = await stub.call('run', { topics: filters, count: STUB_MESSAGES, payload });
    return ended_ms - started_ms;
  };
  const plain = await withStops(context, async (inner) => {
    const subscriber = await openWorker('plain-subscriber', inner);
    await subscriber.call('subscribe', { port, filters });
    return rates({ context, who: 'plain mqtt.js', pid: subscriber.pid, messages: STUB_MESSAGES }, once);
  });
  const own = await withStops(context, async (inner) => {
    const { pid } = await startListenerUnderTest(
      { broker_port: port, subscriptions: filters.map((topic_filter) => ({ topic_filter })) },
      inner,
    );
    return rates({ context, who: 'cortex-mqtt', pid, messages: STUB_MESSAGES }, once);
  });
  return [
    {
      name: 'no-op-stub',
      title: 'The same against a stub broker that only writes PUBLISHes',
      unit: 'msg/s',
      against: 'plain mqtt.js',
      goal: { at_least: 1.5 },
      ours: own,
      theirs: plain,
    },
  ];
}
