import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { rates } from '../rounds';
import { openSink, openWorker } from '../workers';
import { topics } from './no-op.measurement';

const SUBSCRIPTIONS = 100;
const PAYLOAD_BYTES = 212;
const MESSAGES = 60_000;
const LIMIT_MS = 120_000;

/** What recording every message costs: the same burst through Mosquitto with it and without. */
export const recording: Measurement = { name: 'recording', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const filters = topics(SUBSCRIPTIONS);
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const burst = { port: broker.port, topics: filters, count: MESSAGES, payload_bytes: PAYLOAD_BYTES };
  const end = { ...burst, topics: ['bench/end'], count: 1 };
  const run = (who: string, is_recording: boolean) =>
    withStops(context, async (inner) => {
      const { sink, port } = await openSink(inner);
      const subscriptions = [
        ...filters.map((topic_filter) => ({ topic_filter })),
        { topic_filter: 'bench/end', actions: [webhookTo(port)] },
      ];
      const { pid } = await startListenerUnderTest({ broker_port: broker.port, subscriptions, is_recording }, inner);
      return rates({ context, who, pid, messages: MESSAGES }, async () => {
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
      name: 'recording',
      title: 'QoS 1 in, no-op action, messages recorded',
      unit: 'msg/s',
      against: 'not recorded',
      goal: { at_least: 0.95 },
      ours: await run('recorded', true),
      theirs: await run('not recorded', false),
    },
  ];
}
