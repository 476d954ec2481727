import { createLatencyHistogram } from './latency-histogram';

describe('the latency histogram', () => {
  it('gives the percentiles of the last whole window within a sixteenth', () => {
    const histogram = createLatencyHistogram(10_000);
    for (let latency = 1; latency <= 1_000; latency += 1) histogram.record(latency, 20_000);
    const snapshot = histogram.latest(30_001);
    expect(snapshot).toMatchObject({ count: 1_000, max_ms: 1_000, window_s: 10 });
    for (const [value, exact] of [
      [snapshot?.p50_ms, 500],
      [snapshot?.p95_ms, 950],
      [snapshot?.p99_ms, 990],
    ] as const) {
      expect(value).toBeGreaterThanOrEqual(exact);
      expect(value).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 1);
    }
  });

  it('forgets a window when the one after it passed without a value', () => {
    const histogram = createLatencyHistogram(10_000);
    histogram.record(5, 20_000);
    expect(histogram.latest(25_000)).toBeNull();
    expect(histogram.latest(35_000)?.count).toBe(1);
    expect(histogram.latest(45_000)).toBeNull();
  });
});
