import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '@cortex-mqtt/observability';
import { findProgram } from '@cortex-mqtt/testing';
import { AttemptMeter } from '../observations/attempt-meter';
import { createLatencyHistogram } from '../pipeline/latency-histogram';
import type { ProductListener } from '../product-listener';
import { registerListenerMetrics } from './listener-metrics';

const DOC = join(__dirname, '..', '..', '..', '..', 'docs', 'metrics.md');

function build() {
  const latency = createLatencyHistogram();
  for (const latency_ms of [0.5, 3, 40, 40, 700]) latency.record(latency_ms, Date.now());
  const attempts = new AttemptMeter();
  attempts.ended({ subscription_id: 3, action_type: 'webhook', duration_ms: 30, error: null });
  const listener = {
    applied: { document: { product_slug: 'shop' } },
    session: { snapshot: () => ({ state: 'connected', oldest_unacknowledged_ms: 1_500 }) },
    handover: { depth: () => 7 },
    waiting_attempts: { webhook: 1, postgres: 0 },
    queue_gauge: { oldest_ms: () => 3_000 },
    destinations: { report: () => [{ name: 'https://a.example.com', action_type: 'webhook', breaker: 'open' }] },
    pipeline: {
      counters: { messages_received: 5 },
      engine: { in_flight: 2 },
      subscriptionCounters: () => [
        { subscription_id: 3, messages_received: 5, actions_executed: 4, actions_failed: 1 },
      ],
      cumulativeLatency: (bounds: readonly number[]) => latency.cumulative(bounds),
      cumulativeEndToEnd: (bounds: readonly number[]) => latency.cumulative(bounds),
    },
    attempts,
  } as unknown as ProductListener;
  const metrics = createMetrics({ service: 'listener', version: '1.0.0' });
  registerListenerMetrics(metrics, () => listener);
  return metrics;
}

describe('the metrics of a listener', () => {
  it('pass promtool without a remark', async () => {
    const { body } = await build().render();
    const { status, stdout, stderr } = spawnSync(findProgram('promtool', 'prometheus'), ['check', 'metrics'], {
      input: body,
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('count, and keep a histogram that adds up', async () => {
    const { body } = await build().render();
    expect(body).toContain('cortex_mqtt_messages_received_total{product="shop",service="listener"} 5');
    expect(body).toContain(
      'cortex_mqtt_subscription_attempts_total{product="shop",subscription="3",outcome="failed",service="listener"} 1',
    );
    expect(body).toContain(
      'cortex_mqtt_destination_breaker_open{product="shop",action_type="webhook",destination="https://a.example.com",service="listener"} 1',
    );
    expect(body).toContain(
      'cortex_mqtt_action_attempts_total{product="shop",subscription="3",action_type="webhook",outcome="succeeded",service="listener"} 1',
    );
    expect(body).toMatch(/action_duration_seconds_bucket\{le="0.05",[^}]*action_type="webhook"[^}]*\} 1/);
    expect(body).toMatch(/end_to_end_duration_seconds_count\{[^}]*\} 5/);
    const buckets = [...body.matchAll(/delivery_duration_seconds_bucket\{le="([^"]+)"[^}]*\} (\d+)/g)].map(
      ([, le, count]) => [le, Number(count)],
    );
    expect(buckets.filter(([le]) => le === '0.001' || le === '0.05' || le === '1' || le === '+Inf')).toEqual([
      ['0.001', 1],
      ['0.05', 4],
      ['1', 5],
      ['+Inf', 5],
    ]);
    expect(body).toMatch(/delivery_duration_seconds_count\{[^}]*\} 5/);
  });

  it('stand in docs/metrics.md, which is made from them', async () => {
    const defined = (await build().registry.getMetricsAsJSON()).map(
      ({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`,
    );
    const begin = '<!-- listener -->\n';
    const end = '<!-- end of listener -->';
    const text = readFileSync(DOC, 'utf8');
    const table = ['| metric | type | meaning |', '| --- | --- | --- |', ...defined, ''].join('\n');
    const made = text.slice(0, text.indexOf(begin) + begin.length) + table + text.slice(text.indexOf(end));
    if (process.env.WRITE_DOCS === '1') writeFileSync(DOC, made);
    expect(readFileSync(DOC, 'utf8')).toBe(made);
  });
});
