import { setTimeout as delay } from 'node:timers/promises';
import { createTestDirectory, type SpawnedProcess, spawnProcess } from '@cortex-mqtt/testing';
import { openMosquitto } from '../brokers';
import { type BenchContext, type Figure, type Measurement, withStops } from '../figure';
import { LISTENER_ENTRY } from '../listener-under-test';
import { openOrchestrator } from '../orchestrator-under-test';
import { median, percentile } from '../statistics';
import { now_ms } from '../workers/worker';

const CHANGES = 100;
const PATIENCE_MS = 90_000;
const POLL_MS = 2;

/** From the PUT of a product's configuration to the revision being applied in its listener, orchestrator and queue real. */
export const configApplied: Measurement = { name: 'config-applied', run: (context) => withStops(context, measure) };

async function measure(context: BenchContext): Promise<Figure[]> {
  const broker = await openMosquitto(context);
  const { rest, orchestrator_url, queue_url } = await openOrchestrator(context);
  const { id, slug } = await rest.call<{ id: number; slug: string }>('POST', '/products', {
    name: 'Bench',
    slug: 'bench',
  });
  const path = `/products/${id}/mqtt-config`;
  const configure = (change: number) =>
    rest.call<{ revision: number }>('PUT', path, {
      broker: { host: '127.0.0.1', port: broker.port, use_tls: false },
      topics: { prefix: `bench/${change}`, qos: 1 },
    });
  const { revision } = await configure(0);
  await rest.call('POST', `${path}/subscriptions`, { name: 'orders', topic: 'orders/#', actions: [{ type: 'log' }] });
  const { token } = await rest.call<{ token: string }>('POST', `/products/${id}/listener-tokens`, { name: slug });
  const listener = await spawnProcess({
    command: process.execPath,
    args: [LISTENER_ENTRY],
    env: {
      ORCHESTRATOR_URL: orchestrator_url,
      LISTENER_TOKEN: token,
      INSTANCE_ID: 'bench',
      QUEUE_URL: queue_url,
      DATA_DIR: createTestDirectory('listener'),
      HEALTH_PORT: '0',
      EGRESS_ALLOW: 'loopback',
      LOG_FORMAT: 'json',
      NODE_ENV: 'production',
    },
  });
  context.stops.push(() => listener.stop());
  await applied(listener, revision);

  const ours: number[] = [];
  for (let round = 0, change = 0; round <= context.rounds; round += 1) {
    const times_ms: number[] = [];
    for (let taken = 0; taken < CHANGES; taken += 1) {
      change += 1;
      const started_ms = now_ms();
      const next = await configure(change);
      await applied(listener, next.revision);
      times_ms.push(now_ms() - started_ms);
    }
    const p99_ms = percentile(times_ms, 0.99);
    context.say(`applied after ${median(times_ms).toFixed(0)} ms, p99 ${p99_ms.toFixed(0)} ms`);
    if (round > 0) ours.push(p99_ms);
  }
  return [
    {
      name: 'config-applied',
      title: 'PUT config → applied in the listener, p99',
      unit: 'ms',
      against: null,
      goal: { at_most: 250 },
      ours,
      theirs: [],
    },
  ];
}

/** Resolves when the listener says that it runs that revision or a later one. */
async function applied(listener: SpawnedProcess, revision: number): Promise<void> {
  const until_ms = now_ms() + PATIENCE_MS;
  for (;;) {
    const output = listener.stdout();
    const line = output.lastIndexOf('configuration applied');
    const found = line === -1 ? null : /"revision":(\d+)/.exec(lineAt(output, line));
    if (Number(found?.[1] ?? -1) >= revision) return;
    if (!listener.running() || now_ms() > until_ms) {
      throw new Error(
        `the listener did not apply revision ${revision}; the end of its output is:\n${output.slice(-4_000)}`,
      );
    }
    await delay(POLL_MS);
  }
}

function lineAt(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return text.slice(text.lastIndexOf('\n', at) + 1, end === -1 ? undefined : end);
}
