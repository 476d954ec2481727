import { startRedis } from '@cortex-mqtt/testing';
import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { rates } from '../rounds';
import { openSink, openWorker } from '../workers';

const WINDOW = 20;
const WEBHOOK_MS = 100;
const MESSAGES = { deferred: 1_000, handed_over: 5_000 };
const LIMIT_MS = 120_000;

/** A broker that lets 20 messages be unacknowledged, a webhook of 100 ms: with the handover to the queue and without. */
export const brokerWindow: Measurement = { name: 'window', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const { sink, port } = await openSink(context);
  const redis = await startRedis();
  context.stops.push(() => redis.stop());

  const side = (who: string, count: number, queue_url: string | undefined) =>
    withStops(context, async (inner) => {
      const { pid } = await startListenerUnderTest(
        {
          broker_port: broker.port,
          subscriptions: [{ topic_filter: 'bench/#', actions: [webhookTo(port)] }],
          // As MQTT 5 Receive Maximum this is the broker's window.
          max_in_flight: WINDOW,
          queue_url,
        },
        inner,
      );
      return rates({ context, who, pid, messages: count }, async () => {
        await sink.call('reset', { delay_ms: WEBHOOK_MS });
        await publisher.call('burst', { port: broker.port, topics: ['bench/orders'], count, payload_bytes: 128 });
        const { received, first_ms, last_ms } = await sink.call('expect', { count, timeout_ms: LIMIT_MS });
        if (received < count) throw new Error(`${who}: ${received} of ${count} webhooks arrived`);
        return last_ms - first_ms;
      });
    });
  const theirs = await side('deferral alone', MESSAGES.deferred, undefined);
  const ours = await side('with handover', MESSAGES.handed_over, redis.url);
  return [
    {
      name: 'window',
      title: 'Broker window of 20, webhook of 100 ms, against deferral alone',
      unit: 'msg/s',
      against: 'deferral alone',
      goal: { at_least: 5 },
      ours,
      theirs,
    },
  ];
}
