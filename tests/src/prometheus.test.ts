import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createTestDirectory,
  findProgram,
  freePort,
  type HttpReceiver,
  type Mosquitto,
  type SpawnedProcess,
  spawnProcess,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

jest.setTimeout(240_000);

const DEPLOY = join(__dirname, '..', '..', 'deploy');
const METRICS_TOKEN = 'token-of-the-scraper';

interface Panel {
  title: string;
  targets: { expr: string }[];
}

const dashboards = readdirSync(join(DEPLOY, 'grafana')).filter((name) => name.endsWith('.json'));
const panelsOf = (file: string): Panel[] =>
  (JSON.parse(readFileSync(join(DEPLOY, 'grafana', file), 'utf8')) as { panels: Panel[] }).panels;

let stack: Stack;
let broker: Mosquitto;
let hook: HttpReceiver;
let publisher: Publisher;
let prometheus: SpawnedProcess;
let url: string;

beforeAll(async () => {
  [hook, broker, stack] = await Promise.all([
    startHttpReceiver({ answer: (_request, count) => ({ status: count % 3 === 0 ? 400 : 200 }) }),
    startMosquitto(),
    startStack({ queue: 'postgres', env: { METRICS_TOKEN } }),
  ]);
  const product = await stack.newProduct({
    name: 'scraped',
    broker: { host: '127.0.0.1', port: broker.port },
    topics: { qos: 1 },
    subscriptions: [
      { name: 'orders', topic: 'orders/+', actions: [{ type: 'webhook', url: hook.url }, { type: 'log' }] },
    ],
  });
  const listener = await stack.startListener(product);
  await product.untilSettled();
  publisher = await startPublisher(broker.url);
  url = await startPrometheus(listener.health_port());
});

afterAll(async () => {
  await publisher?.end();
  await prometheus?.stop();
  await stack?.stop();
  await broker?.stop();
  await hook?.stop();
});

/** The files of deploy/prometheus with our addresses, and twice a second instead of four times a minute. */
async function startPrometheus(health_port: number): Promise<string> {
  const folder = createTestDirectory('prometheus');
  const port = await freePort();
  const token = join(folder, 'token');
  writeFileSync(token, METRICS_TOKEN);
  const rules = readFileSync(join(DEPLOY, 'prometheus', 'cortex-mqtt.rules.yml'), 'utf8');
  writeFileSync(join(folder, 'cortex-mqtt.rules.yml'), rules);
  const config = readFileSync(join(DEPLOY, 'prometheus', 'prometheus.yml'), 'utf8')
    .replaceAll('_interval: 15s', '_interval: 500ms')
    .replace('/etc/prometheus/cortex-mqtt-metrics-token', token)
    .replace('orchestrator:8004', new URL(stack.orchestrator_url).host)
    .replace('listener-shop:8005', `127.0.0.1:${health_port}`);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  prometheus = await spawnProcess({
    command: findProgram('prometheus', 'prometheus'),
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
  });
  const address = `http://127.0.0.1:${port}`;
  await waitFor(async () => (await fetch(`${address}/-/ready`)).ok, { timeout_ms: PATIENCE_MS });
  return address;
}

/** How many series an expression gives, with Grafana's variables filled in. */
async function seriesOf(expression: string): Promise<number> {
  const query = expression.replaceAll('$__rate_interval', '1m').replaceAll('$product', '.*');
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) });
  const answer = (await response.json()) as {
    status: string;
    error?: string;
    data?: { result: { value: [number, string] }[] };
  };
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
  return answer.data?.result.filter(({ value }) => value[1] !== 'NaN').length ?? 0;
}

/** Publishes until each of the expressions gives something. */
async function untilAllAnswer(expressions: { name: string; expression: string }[]): Promise<void> {
  let missing = expressions;
  await waitFor(
    async () => {
      for (let n = 0; n < 6; n += 1) {
        await publisher.client.publishAsync(`orders/${n}`, '{}', {
          qos: 1,
          properties: { userProperties: { 'published-at': new Date().toISOString() } },
        });
      }
      const found = await Promise.all(missing.map(({ expression }) => seriesOf(expression)));
      missing = missing.filter((_each, at) => found[at] === 0);
      return missing.length === 0;
    },
    { timeout_ms: PATIENCE_MS, interval_ms: 500, message: () => `no series for ${JSON.stringify(missing, null, 1)}` },
  );
}

it.each(dashboards)('every panel of the dashboard %s shows something', async (file) => {
  const panels = panelsOf(file);
  expect(panels.length).toBeGreaterThan(5);
  await untilAllAnswer(
    panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ name: title, expression: expr }))),
  );
});

it('every rule is loaded, is evaluated without a fault, and asks for something that is there', async () => {
  const response = await fetch(`${url}/api/v1/rules`);
  const { data } = (await response.json()) as {
    data: { groups: { rules: { name: string; query: string; health: string; lastError?: string }[] }[] };
  };
  const rules = data.groups.flatMap((group) => group.rules);
  expect(rules.length).toBe(
    readFileSync(join(DEPLOY, 'prometheus', 'cortex-mqtt.rules.yml'), 'utf8').match(/- (?:alert|record):/g)?.length,
  );
  expect(rules.filter(({ health }) => health === 'err')).toEqual([]);
  // What an alert compares is there whether or not it fires.
  await untilAllAnswer(rules.map(({ name, query }) => ({ name, expression: query.replace(/ [<>] [\d.]+$/, '') })));
});

it('promtool has no remark on the metrics of the orchestrator', async () => {
  const response = await fetch(`${stack.orchestrator_url}/metrics`, {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  const { status, stdout, stderr } = spawnSync(findProgram('promtool', 'prometheus'), ['check', 'metrics'], {
    input: await response.text(),
    encoding: 'utf8',
  });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
});
