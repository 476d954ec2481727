import type { MetricPoint, Metrics } from '../../api/types';
import { latestAndHighest, percent, perSecond, seriesOf } from './metric-series';

const START_MS = Date.parse('2026-01-01T00:00:00Z');

function buildMetrics(received: number[], to_s: number): Metrics {
  const points = received.map(
    (messages_received, index): MetricPoint => ({
      at: new Date(START_MS + index * 10_000).toISOString(),
      messages_received,
      deliveries_succeeded: messages_received,
      deliveries_failed: 1,
      actions_attempted: messages_received,
      actions_executed: messages_received,
      actions_failed: 0,
      latency_p50_ms: null,
      latency_p95_ms: index === 0 ? null : 20 * index,
      latency_p99_ms: null,
    }),
  );
  const to = new Date(START_MS + to_s * 1_000).toISOString();
  return { product_id: 1, from: new Date(START_MS).toISOString(), to, width_s: 10, points, marks: [] };
}

describe('series of a chart', () => {
  it('tell messages a second, whatever the width of a point', () => {
    expect(seriesOf(buildMetrics([100, 50], 30)).rate).toEqual([10, 5]);
  });

  it('leave out the point that is still being filled, and count it', () => {
    const series = seriesOf(buildMetrics([100, 50, 3], 24));
    expect(series.rate).toEqual([10]);
    expect(series.times_s).toHaveLength(1);
    expect(series.sums).toMatchObject({ messages_received: 153, deliveries_failed: 3 });
  });

  it('have a gap, not zero, before the product existed', () => {
    const created_at = new Date(START_MS + 15_000).toISOString();
    expect(seriesOf(buildMetrics([0, 10, 20], 60), created_at).rate).toEqual([null, 1, 2]);
  });

  it('know their newest and highest value, over gaps', () => {
    expect(latestAndHighest([null, 5, 40, 7, null])).toEqual({ latest: 7, highest: 40 });
    expect(latestAndHighest([null, null])).toBeNull();
  });
});

describe('figures', () => {
  it('never call an interrupted time fully up', () => {
    expect(percent(1)).toBe('100 %');
    expect(percent(0.999999)).toBe('99.99 %');
    expect(percent(0.5)).toBe('50.0 %');
  });

  it('have the digits a glance can use', () => {
    expect([0, 0.001, 0.123, 4.56, 1234.5].map(perSecond)).toEqual(['0', '< 0.01', '0.12', '4.6', '1,235']);
  });
});
