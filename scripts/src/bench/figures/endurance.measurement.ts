import { setTimeout as delay } from 'node:timers/promises';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { NO_OP, startListenerUnderTest, webhookTo } from '../listener-under-test';
import { residentBytes } from '../process-usage';
import { median } from '../statistics';
import { openSink, openWorker } from '../workers';

const MESSAGES = 1_000_000;
const FIRST = 100_000;
const CHUNK = 100_000;
const MIB = 2 ** 20;

/** Memory after a million messages, one in ten of them to a webhook, against that after the first 100,000. */
export const endurance: Measurement = { name: 'endurance', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    await withStops(context, async (inner) => {
      const stub = await openWorker('stub-broker', inner);
      const broker_port = await stub.call('listen', null);
      const { port } = await openSink(inner);
      const topics = Array.from({ length: 10 }, (_, index) => `bench/orders/${index}`);
      const subscriptions = topics.map((topic_filter, index) => ({
        topic_filter,
        actions: [index === 0 ? webhookTo(port) : NO_OP],
      }));
      const { pid } = await startListenerUnderTest({ broker_port, subscriptions }, inner);
      const payload = JSON.stringify({ order: { id: 4711, customer: 'x'.repeat(200) } });
      let done = 0;
      const upTo = async (count: number) => {
        for (; done < count; done += CHUNK) await stub.call('run', { topics, count: CHUNK, payload });
        return settledResident_mib(pid);
      };
      theirs.push(await upTo(FIRST));
      ours.push(await upTo(MESSAGES));
      context.say(`${theirs.at(-1)?.toFixed(0)} MiB after ${FIRST}, ${ours.at(-1)?.toFixed(0)} MiB after ${MESSAGES}`);
    });
  }
  return [
    {
      name: 'endurance',
      title: 'RSS after 1,000,000 messages against after 100,000',
      unit: 'MiB',
      against: 'after 100,000',
      goal: { at_most: 1.1 },
      ours,
      theirs,
    },
  ];
}

/** The middle of some looks: the collector may just have run, or be about to. */
async function settledResident_mib(pid: number): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < 5; look += 1) {
    await delay(300);
    looks.push(residentBytes(pid) / MIB);
  }
  return median(looks);
}
