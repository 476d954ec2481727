import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { startListenerUnderTest, webhookTo } from '../listener-under-test';
import { installNodeRed, spawnNodeRed } from '../node-red';
import { cpuTime_ms } from '../process-usage';
import { rates } from '../rounds';
import { percentile } from '../statistics';
import { untilDelivering } from '../until-delivering';
import { openSink, openWorker } from '../workers';

const PAYLOAD_BYTES = 128;
const BURST = { ours: 30_000, theirs: 5_000 };
const RATE = 1_000;
const PACED_MESSAGES = 8_000;
const LIMIT_MS = 120_000;

interface Side {
  rates: number[];
  p99_ms: number[];
  /** Processor time, share of one core. */
  cpu: number[];
}

/** The same task, MQTT in and webhook out, in Node-RED: how fast, how late, and at what cost. */
export const nodeRed4: Measurement = {
  name: 'node-red-4',
  run: (context) =>
    withStops(context, async (inner) => {
      const { ours, theirs } = await measure(4, inner, { isPaced: true });
      const against = 'Node-RED 4';
      return [
        burstFigure({ name: 'node-red-4', against, at_least: 12, ours, theirs }),
        {
          name: 'node-red-4',
          title: 'Webhook p99 at 1,000/s against Node-RED 4',
          unit: 'ms',
          against,
          goal: { at_most: 1 / 15 },
          ours: ours.p99_ms,
          theirs: theirs.p99_ms,
        },
        {
          name: 'node-red-4',
          title: 'CPU at 1,000/s against Node-RED 4',
          unit: 'cores',
          against,
          goal: { at_most: 1 / 3 },
          ours: ours.cpu,
          theirs: theirs.cpu,
        },
      ];
    }),
};

export const nodeRed5: Measurement = {
  name: 'node-red-5',
  run: (context) =>
    withStops(context, async (inner) => {
      const { ours, theirs } = await measure(5, inner, { isPaced: false });
      return [burstFigure({ name: 'node-red-5', against: 'Node-RED 5', at_least: 8, ours, theirs })];
    }),
};

function burstFigure(input: { name: string; against: string; at_least: number; ours: Side; theirs: Side }): Figure {
  const { name, against, at_least, ours, theirs } = input;
  return {
    name,
    title: `Webhook burst against ${against}`,
    unit: 'msg/s',
    against,
    goal: { at_least },
    ours: ours.rates,
    theirs: theirs.rates,
  };
}

async function measure(
  major: 4 | 5,
  context: BenchContext,
  options: { isPaced: boolean },
): Promise<{ ours: Side; theirs: Side }> {
  const program = await installNodeRed(major, context);
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const { sink, port } = await openSink(context);

  const measureSide = async (who: string, pid: number, count: number): Promise<Side> => {
    const burst = { port: broker.port, topics: ['bench/orders'], count, payload_bytes: PAYLOAD_BYTES };
    const burst_rates = await rates({ context, who, pid, messages: count }, async () => {
      await sink.call('reset', { delay_ms: 0 });
      await publisher.call('burst', burst);
      const { received, first_ms, last_ms } = await sink.call('expect', { count, timeout_ms: LIMIT_MS });
      if (received < count) throw new Error(`${who}: ${received} of ${count} webhooks arrived`);
      return last_ms - first_ms;
    });
    const side: Side = { rates: burst_rates, p99_ms: [], cpu: [] };
    for (let round = 0; options.isPaced && round < context.rounds; round += 1) {
      await sink.call('reset', { delay_ms: 0 });
      const cpu_before_ms = cpuTime_ms(pid);
      const { started_ms, ended_ms } = await publisher.call('pace', { ...burst, count: PACED_MESSAGES, rate: RATE });
      const { received } = await sink.call('expect', { count: PACED_MESSAGES, timeout_ms: LIMIT_MS });
      if (received < PACED_MESSAGES) throw new Error(`${who}: ${received} of ${PACED_MESSAGES} webhooks arrived`);
      side.cpu.push((cpuTime_ms(pid) - cpu_before_ms) / (ended_ms - started_ms));
      side.p99_ms.push(percentile(await sink.call('latencies', null), 0.99));
      context.say(`${who}: p99 ${side.p99_ms.at(-1)?.toFixed(2)} ms, CPU ${side.cpu.at(-1)?.toFixed(2)} at ${RATE}/s`);
    }
    return side;
  };

  const theirs = await withStops(context, async (inner) => {
    const { pid } = await spawnNodeRed(program, { broker: broker.port, sink: port }, inner);
    await untilDelivering({ broker, publisher, sink });
    return measureSide(`Node-RED ${major}`, pid, BURST.theirs);
  });
  const ours = await withStops(context, async (inner) => {
    const { pid } = await startListenerUnderTest(
      { broker_port: broker.port, subscriptions: [{ topic_filter: 'bench/#', actions: [webhookTo(port)] }] },
      inner,
    );
    await untilDelivering({ broker, publisher, sink });
    return measureSide('cortex-mqtt', pid, BURST.ours);
  });
  return { ours, theirs };
}
