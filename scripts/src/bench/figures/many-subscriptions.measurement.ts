import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest } from '../listener-under-test';
import { cpuTime_ms } from '../process-usage';
import { openWorker } from '../workers';

const MESSAGES = 200_000;
const FEW = 10;
const MANY = 10_000;

/** Processor time a message, each matching one subscription: of 10,000 and of 10. */
export const manySubscriptions: Measurement = {
  name: 'many-subscriptions',
  run: (context) => withStops(context, measure),
};

async function measure(context: BenchContext): Promise<Figure[]> {
  const side = (subscriptions: number) =>
    withStops(context, async (inner) => {
      const stub = await openWorker('stub-broker', inner);
      const broker_port = await stub.call('listen', null);
      const topics = Array.from({ length: subscriptions }, (_, index) => `bench/site-${index % 100}/line/${index}`);
      const { pid } = await startListenerUnderTest(
        { broker_port, subscriptions: topics.map((topic_filter) => ({ topic_filter })) },
        inner,
      );
      const costs_us: number[] = [];
      for (let round = 0; round <= context.rounds; round += 1) {
        const before_ms = cpuTime_ms(pid);
        await stub.call('run', { topics, count: MESSAGES, payload: '{"order":{"id":4711}}' });
        const cost_us = ((cpuTime_ms(pid) - before_ms) * 1_000) / MESSAGES;
        context.say(`${subscriptions} subscriptions: ${cost_us.toFixed(2)} µs of CPU a message`);
        if (round > 0) costs_us.push(cost_us);
      }
      return costs_us;
    });
  const theirs = await side(FEW);
  const ours = await side(MANY);
  return [
    {
      name: 'many-subscriptions',
      title: 'CPU per message with 10,000 subscriptions against 10',
      unit: 'µs',
      against: `${FEW} subscriptions`,
      goal: { at_most: 1.5 },
      ours,
      theirs,
    },
  ];
}
