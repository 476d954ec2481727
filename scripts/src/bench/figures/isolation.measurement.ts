import { startRedis } from '@cortex-mqtt/testing';
import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { percentile } from '../statistics';
import { openSink, openWorker } from '../workers';

const DESTINATIONS = 100;
/** Messages a second over all destinations. */
const RATE = 1_000;
const MESSAGES = 10_000;
const TIMEOUT_MS = 120_000;

/** 100 destinations, one of which never answers: how long the others wait, against the same while all answer. */
export const isolation: Measurement = { name: 'isolation', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const others = await openSink(context);
  const one = await openSink(context);
  const redis = await startRedis();
  context.stops.push(() => redis.stop());
  const topics = Array.from({ length: DESTINATIONS }, (_, n) => `bench/${n}`);
  const of_others = MESSAGES - MESSAGES / DESTINATIONS;

  const side = (who: string, delay_ms: number): Promise<number[]> =>
    withStops(context, async (inner) => {
      await one.sink.call('reset', { delay_ms });
      await startListenerUnderTest(
        {
          broker_port: broker.port,
          subscriptions: topics.map((topic_filter, n) => ({
            topic_filter,
            actions: [{ ...webhookTo(n === 0 ? one.port : others.port), timeout_ms: TIMEOUT_MS }],
          })),
          queue_url: redis.url,
        },
        inner,
      );
      const p99_ms: number[] = [];
      for (let round = 0; round <= context.rounds; round += 1) {
        await others.sink.call('reset', { delay_ms: 0 });
        await publisher.call('pace', { port: broker.port, topics, count: MESSAGES, payload_bytes: 128, rate: RATE });
        const { received } = await others.sink.call('expect', { count: of_others, timeout_ms: TIMEOUT_MS });
        if (received < of_others) throw new Error(`${who}: ${received} of ${of_others} webhooks arrived`);
        const value = percentile(await others.sink.call('latencies', null), 0.99);
        context.say(`${who}: p99 of the others ${value.toFixed(2)} ms${round === 0 ? ' (warming up)' : ''}`);
        if (round > 0) p99_ms.push(value);
      }
      return p99_ms;
    });
  const theirs = await side('all answer', 0);
  const ours = await side('one hangs', TIMEOUT_MS);
  return [
    {
      name: 'isolation',
      title: 'One of 100 destinations hangs, p99 of the others against all answering',
      unit: 'ms',
      against: 'all answering',
      goal: { at_most: 1.2 },
      ours,
      theirs,
    },
  ];
}
