import { setTimeout as delay } from 'node:timers/promises';
import { openMosquitto } from '../brokers';
import { startConfigServer } from '../config-server';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { documentOf, spawnListener, webhookTo } from '../listener-under-test';
import { installNodeRed, spawnNodeRed } from '../node-red';
import { residentBytes } from '../process-usage';
import { untilDelivering } from '../until-delivering';
import { openSink, openWorker } from '../workers';
import { now_ms } from '../workers/worker';

const IDLE_MS = 5_000;
const MIB = 2 ** 20;

/** Idle memory, and the time from the start of the process to its first webhook, against Node-RED 4. */
export const footprint: Measurement = { name: 'footprint', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const program = await installNodeRed(4, context);
  const broker = await openMosquitto(context);
  const publisher = await openWorker('publisher', context);
  const { sink, port } = await openSink(context);
  const setting = {
    broker_port: broker.port,
    subscriptions: [{ topic_filter: 'bench/#', actions: [webhookTo(port)] }],
  };
  const config = await startConfigServer(documentOf(setting));
  context.stops.push(() => config.close());

  const once = (spawn: (inner: BenchContext) => Promise<{ pid: number }>) =>
    withStops(context, async (inner) => {
      const started_ms = now_ms();
      const { pid } = await spawn(inner);
      const start_ms = (await untilDelivering({ broker, publisher, sink })) - started_ms;
      await delay(IDLE_MS);
      return { start_ms, rss_mib: residentBytes(pid) / MIB };
    });
  const ours: Awaited<ReturnType<typeof once>>[] = [];
  const theirs: typeof ours = [];
  for (let round = 0; round < context.rounds; round += 1) {
    theirs.push(await once((inner) => spawnNodeRed(program, { broker: broker.port, sink: port }, inner)));
    ours.push(await once((inner) => spawnListener(config.url, {}, inner)));
    for (const [who, sides] of [['Node-RED 4', theirs] as const, ['cortex-mqtt', ours] as const]) {
      const last = sides.at(-1);
      context.say(`${who}: ${last?.rss_mib.toFixed(0)} MiB idle, ${last?.start_ms.toFixed(0)} ms to the first webhook`);
    }
  }
  const common = { name: 'footprint', against: 'Node-RED 4' };
  return [
    {
      ...common,
      title: 'Idle RSS against Node-RED 4',
      unit: 'MiB',
      goal: { at_most: 0.8 },
      ours: ours.map(({ rss_mib }) => rss_mib),
      theirs: theirs.map(({ rss_mib }) => rss_mib),
    },
    {
      ...common,
      title: 'Start to first webhook against Node-RED 4',
      unit: 'ms',
      goal: { at_most: 0.6 },
      ours: ours.map(({ start_ms }) => start_ms),
      theirs: theirs.map(({ start_ms }) => start_ms),
    },
  ];
}
