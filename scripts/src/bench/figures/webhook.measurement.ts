import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { rates } from '../rounds';
import { openSink, openWorker } from '../workers';

const PAYLOAD_BYTES = 128;
const MESSAGES = 30_000;
const LIMIT_MS = 120_000;
const CONCURRENCY = 256;
const CONNECTIONS = 64;

/** A burst of messages, each to a webhook, against undici posting bodies of the same size with nothing around it. */
export const webhookBurst: Measurement = {
  name: 'webhook-burst',
  run: (context) => withStops(context, measure),
};

async function measure(context: BenchContext): Promise<Figure[]> {
  const broker = await openMosquitto(context);
  const { sink, port } = await openSink(context);
  const arrivals = async () => {
    const { received, first_ms, last_ms } = await sink.call('expect', { count: MESSAGES, timeout_ms: LIMIT_MS });
    if (received < MESSAGES) throw new Error(`${received} of ${MESSAGES} webhooks arrived`);
    return last_ms - first_ms;
  };
  const theirs = await withStops(context, async (inner) => {
    const sender = await openWorker('plain-sender', inner);
    await sender.call('open', { url: `http://127.0.0.1:${port}`, connections: CONNECTIONS });
    return rates({ context, who: 'undici alone', pid: sender.pid, messages: MESSAGES }, async () => {
      await sink.call('reset', { delay_ms: 0 });
      await sender.call('post', { count: MESSAGES, concurrency: CONCURRENCY, body: envelopeOf(PAYLOAD_BYTES) });
      return arrivals();
    });
  });
  const ours = await withStops(context, async (inner) => {
    const publisher = await openWorker('publisher', inner);
    const { pid } = await startListenerUnderTest(
      { broker_port: broker.port, subscriptions: [{ topic_filter: 'bench/#', actions: [webhookTo(port)] }] },
      inner,
    );
    return rates({ context, who: 'cortex-mqtt', pid, messages: MESSAGES }, async () => {
      await sink.call('reset', { delay_ms: 0 });
      await publisher.call('burst', {
        port: broker.port,
        topics: ['bench/orders'],
        count: MESSAGES,
        payload_bytes: PAYLOAD_BYTES,
      });
      return arrivals();
    });
  });
  return [
    {
      name: 'webhook-burst',
      title: 'Webhook burst against undici POST alone',
      unit: 'msg/s',
      against: 'undici alone',
      goal: { at_least: 0.9 },
      ours,
      theirs,
    },
  ];
}

/** As long as the body that the listener sends for a payload of that size. */
function envelopeOf(payload_bytes: number): string {
  return JSON.stringify({
    id: `msg_${'0'.repeat(32)}`,
    product_id: 1,
    subscription_id: 1,
    topic: 'bench/orders',
    params: {},
    payload: { order: 'x'.repeat(payload_bytes - 12) },
    qos: 1,
    retain: false,
    duplicate: false,
    user_properties: {},
    received_at: new Date(0).toISOString(),
  });
}
