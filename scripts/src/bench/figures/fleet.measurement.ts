import { setTimeout as delay } from 'node:timers/promises';
import { generateToken } from '@cortex-mqtt/secrets';
import { Client } from 'pg';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { type OrchestratorUnderTest, openOrchestrator } from '../orchestrator-under-test';
import { cpuTime_ms, residentBytes } from '../process-usage';
import { percentile } from '../statistics';
import { openWorker } from '../workers';
import { now_ms } from '../workers/worker';

const PRODUCTS = 10_000;
const ROUND_MS = 20_000;
const OVERVIEWS = 40;
const PATIENCE_MS = 180_000;

/** 10,000 products with a listener each, which report every 5 s: 2,000 reports a second to one orchestrator. */
export const fleet: Measurement = { name: 'fleet', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const orchestrator = await openOrchestrator(context);
  const listeners = await makeProducts(orchestrator.database_url);
  const worker = await openWorker('fleet-listeners', context);
  await worker.call('start', { url: orchestrator.orchestrator_url, listeners });
  await untilAllHeard(context, worker);
  const reports_ms: number[] = [];
  const overviews_ms: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round <= context.rounds; round += 1) {
    await worker.call('measured', null);
    const cpu_ms = cpuTime_ms(orchestrator.pid());
    const overview_ms = await timeOverviews(orchestrator);
    const { latencies_ms, failed } = await worker.call('measured', null);
    const used = (cpuTime_ms(orchestrator.pid()) - cpu_ms) / latencies_ms.length;
    const p99_ms = percentile(latencies_ms, 0.99);
    const rate = (latencies_ms.length / ROUND_MS) * 1_000;
    context.say(
      `${rate.toFixed(0)} reports/s, p50 ${percentile(latencies_ms, 0.5).toFixed(1)} ms, p99 ${p99_ms.toFixed(1)} ms, ` +
        `${failed} failed, ${used.toFixed(2)} ms of CPU each; overview p95 ${overview_ms.toFixed(0)} ms`,
    );
    if (round === 0) continue;
    reports_ms.push(p99_ms);
    overviews_ms.push(overview_ms);
    rates.push(rate);
  }
  const megabytes = residentBytes(orchestrator.pid()) / 1_048_576;
  const restarted = await timeRestart(context, orchestrator, worker);
  const one = { name: 'fleet', against: null, theirs: [] };
  return [
    { ...one, title: 'status reports taken', unit: 'reports/s', goal: { at_least: 1_950 }, ours: rates },
    { ...one, title: 'status report, p99', unit: 'ms', goal: { at_most: 50 }, ours: reports_ms },
    { ...one, title: 'first page of the overview, p95', unit: 'ms', goal: { at_most: 50 }, ours: overviews_ms },
    { ...one, title: 'RSS of the orchestrator', unit: 'MiB', goal: { at_most: 600 }, ours: [megabytes] },
    {
      ...one,
      title: 'restart: all listeners known again',
      unit: 's',
      goal: { at_most: 30 },
      ours: [restarted.known_s],
    },
    { ...one, title: 'restart: slowest report', unit: 'ms', goal: { at_most: 2_000 }, ours: [restarted.slowest_ms] },
  ];
}

type Listeners = Awaited<ReturnType<typeof openWorker<'fleet-listeners'>>>;

/** First pages, evenly over a round. @returns the 95th percentile in milliseconds */
async function timeOverviews({ rest }: OrchestratorUnderTest): Promise<number> {
  const until_ms = now_ms() + ROUND_MS;
  const times_ms: number[] = [];
  for (let asked = 0; asked < OVERVIEWS; asked += 1) {
    const started_ms = now_ms();
    await rest.call('GET', '/overview?page_size=50');
    times_ms.push(now_ms() - started_ms);
    await delay(Math.max(0, (until_ms - now_ms()) / (OVERVIEWS - asked)));
  }
  return percentile(times_ms, 0.95);
}

async function untilAllHeard(context: BenchContext, worker: Listeners): Promise<number> {
  const started_ms = now_ms();
  let heard = 0;
  while (heard < PRODUCTS) {
    if (now_ms() - started_ms > PATIENCE_MS) throw new Error(`only ${heard} of ${PRODUCTS} listeners were answered`);
    await delay(5_500);
    ({ heard } = await worker.call('measured', null));
    context.say(`${heard} of ${PRODUCTS} listeners known`);
  }
  return now_ms() - started_ms;
}

/** From the orchestrator being ready again until the database has heard of every listener since. */
async function timeRestart(context: BenchContext, orchestrator: OrchestratorUnderTest, worker: Listeners) {
  await orchestrator.restart();
  const ready_ms = now_ms();
  const ready_at = new Date();
  await worker.call('measured', null);
  const client = new Client({ connectionString: orchestrator.database_url });
  await client.connect();
  const known = async () => {
    const { rows } = await client.query<{ known: number }>(
      'SELECT count(*)::int AS known FROM listener_instances WHERE last_heartbeat_at > $1',
      [ready_at],
    );
    return rows[0]?.known ?? 0;
  };
  try {
    while ((await known()) < PRODUCTS) {
      if (now_ms() - ready_ms > PATIENCE_MS) throw new Error(`after ${PATIENCE_MS} ms only ${await known()} are known`);
      await delay(200);
    }
  } finally {
    await client.end();
  }
  const known_s = (now_ms() - ready_ms) / 1_000;
  const { latencies_ms, failed } = await worker.call('measured', null);
  const slowest_ms = latencies_ms.reduce((most, one) => Math.max(most, one), 0);
  context.say(
    `restart: all known after ${known_s.toFixed(1)} s, slowest ${slowest_ms.toFixed(0)} ms, ${failed} failed`,
  );
  return { known_s, slowest_ms };
}

/** By SQL: over REST ten thousand products take minutes, and they are not what is measured. */
async function makeProducts(database_url: string): Promise<{ token: string; subscription_id: number }[]> {
  const client = new Client({ connectionString: database_url });
  await client.connect();
  try {
    await client.query(
      `WITH made AS (
         INSERT INTO products (name, slug) SELECT 'Product ' || n, 'product-' || n FROM generate_series(1, $1::int) n RETURNING id
       ), configs AS (
         INSERT INTO mqtt_configs (product_id, broker_host) SELECT id, 'broker.example.com' FROM made RETURNING id, product_id
       ), status AS (
         INSERT INTO mqtt_connection_status (product_id, desired_revision) SELECT product_id, 1 FROM configs
       )
       INSERT INTO mqtt_subscriptions (mqtt_config_id, name, topic) SELECT id, 'all', 'all/#' FROM configs`,
      [PRODUCTS],
    );
    const { rows } = await client.query<{ product_id: number; subscription_id: number }>(
      'SELECT c.product_id, s.id AS subscription_id FROM mqtt_subscriptions s JOIN mqtt_configs c ON c.id = s.mqtt_config_id',
    );
    const made = rows.map((row) => ({ ...row, ...generateToken('cml') }));
    await client.query(
      `INSERT INTO listener_tokens (product_id, name, token_hash)
       SELECT p, 'bench', h FROM unnest($1::int[], $2::text[]) AS t(p, h)`,
      [made.map(({ product_id }) => product_id), made.map(({ hash }) => hash)],
    );
    await client.query('ANALYZE');
    return made.map(({ token, subscription_id }) => ({ token, subscription_id }));
  } finally {
    await client.end();
  }
}
