/** Percentiles of one window, milliseconds. */
export interface LatencySnapshot {
  window_s: number;
  count: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
}

const SUB_BUCKETS = 16;
/** 16 linear buckets below 16 ms, then 16 for each doubling, up to about 12 days. */
const BUCKETS = SUB_BUCKETS * 28;

export interface LatencyHistogram {
  /** Costs one array increment. */
  record(latency_ms: number, now_ms: number): void;
  /** The last whole window; null while there was none with a value. */
  latest(now_ms: number): LatencySnapshot | null;
  /** How many values since the start were at most each bound (milliseconds), with their number and sum. */
  cumulative(bounds_ms: readonly number[]): { at_most: number[]; count: number; sum_ms: number };
}

/** Log-linear buckets (as HdrHistogram has them) with an error of 1/16, over windows of `window_ms`. */
export function createLatencyHistogram(window_ms = 10_000): LatencyHistogram {
  let counts = new Uint32Array(BUCKETS);
  /** Of windows that are over. */
  const before = new Float64Array(BUCKETS);
  let sum_ms = 0;
  let total = 0;
  let max = 0;
  let window = 0;
  let latest: (LatencySnapshot & { window: number }) | null = null;

  const roll = (now_ms: number): void => {
    const current = Math.floor(now_ms / window_ms);
    if (current === window) return;
    latest = total === 0 ? null : { ...percentiles(counts, total, max, window_ms), window };
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) before[bucket]! += counts[bucket] ?? 0;
    counts = new Uint32Array(BUCKETS);
    total = 0;
    max = 0;
    window = current;
  };

  return {
    record(latency_ms, now_ms) {
      if (now_ms >= (window + 1) * window_ms) roll(now_ms);
      const value = latency_ms < 0 ? 0 : latency_ms;
      counts[bucketOf(value)]! += 1;
      total += 1;
      sum_ms += value;
      if (value > max) max = value;
    },
    latest(now_ms) {
      roll(now_ms);
      return latest && latest.window >= window - 1 ? toSnapshot(latest) : null;
    },
    cumulative(bounds_ms) {
      const at_most = bounds_ms.map(() => 0);
      let count = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        const here = (before[bucket] ?? 0) + (counts[bucket] ?? 0);
        if (here === 0) continue;
        count += here;
        for (const [index, bound] of bounds_ms.entries()) if (upperBound(bucket) <= bound) at_most[index]! += here;
      }
      return { at_most, count, sum_ms };
    },
  };
}

function bucketOf(value: number): number {
  const whole = Math.min(Math.floor(value), 2 ** 30);
  if (whole < SUB_BUCKETS) return whole;
  const exponent = 31 - Math.clz32(whole);
  return Math.min(SUB_BUCKETS * (exponent - 3) + ((whole >> (exponent - 4)) & (SUB_BUCKETS - 1)), BUCKETS - 1);
}

/** The highest value that falls into a bucket. */
function upperBound(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const exponent = Math.floor(bucket / SUB_BUCKETS) + 3;
  const step = 2 ** (exponent - 4);
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS) + 1) * step - 1;
}

function percentiles(counts: Uint32Array, total: number, max_ms: number, window_ms: number): LatencySnapshot {
  const at = (share: number): number => {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += counts[bucket] ?? 0;
      if (seen >= share * total) return Math.min(upperBound(bucket), max_ms);
    }
    return max_ms;
  };
  return { window_s: window_ms / 1_000, count: total, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), max_ms };
}

const toSnapshot = ({ window_s, count, p50_ms, p95_ms, p99_ms, max_ms }: LatencySnapshot): LatencySnapshot => ({
  window_s,
  count,
  p50_ms,
  p95_ms,
  p99_ms,
  max_ms,
});
