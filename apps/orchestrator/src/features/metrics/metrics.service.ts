import type { DataSource } from 'typeorm';
import { NotFoundError, ValidationError } from '../../http/app-error';
import { ProductEntity } from '../../model/product.entity';
import { finestWidth, rollUp, type SummedBucket, sumBuckets } from './metric-store';
import { readMarks } from './metric-marks';
import type { MetricPointView, MetricsQuery, MetricsView } from './metrics.dto';

const HOUR_MS = 3600_000;
const LONGEST_MS = 31 * 24 * HOUR_MS;
const MAX_POINTS = 2_000;
/** Chosen so that a chart has some hundred points. */
const WIDTHS_S = [10, 60, 300, 600, 3_600, 21_600, 86_400] as const;
const WANTED_POINTS = 400;

/** Traffic over time. */
export class MetricsService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async read(product_id: number, query: MetricsQuery, now = new Date()): Promise<MetricsView> {
    const { manager } = this.deps.dataSource;
    if (!(await manager.existsBy(ProductEntity, { id: product_id }))) {
      throw new NotFoundError(`There is no product ${product_id}.`);
    }
    const to = query.to === undefined ? now : new Date(query.to);
    const from = query.from === undefined ? new Date(to.getTime() - HOUR_MS) : new Date(query.from);
    if (from >= to) throw new ValidationError([{ field: 'from', message: 'must be before to' }]);
    if (to.getTime() - from.getTime() > LONGEST_MS) {
      throw new ValidationError([{ field: 'from', message: 'must be within 31 days before to' }]);
    }
    const width_s = widthFor({ from, to, now, wanted_s: query.width_s });
    const first_ms = floorTo(from, width_s);
    const buckets = await sumBuckets(manager, { product_id, from: new Date(first_ms), to, width_s });
    const by_time = new Map(buckets.map((bucket) => [bucket.bin.getTime(), bucket]));
    const points: MetricPointView[] = [];
    for (let at = first_ms; at < to.getTime(); at += width_s * 1000) points.push(pointOf(at, by_time.get(at)));
    const marks = await readMarks(manager, { product_id, from, to });
    return { product_id, from: from.toISOString(), to: to.toISOString(), width_s, points, marks };
  }

  /** Adds old buckets up; see RETENTION. */
  async rollUp(): Promise<void> {
    await rollUp(this.deps.dataSource);
  }
}

function widthFor(parts: { from: Date; to: Date; now: Date; wanted_s: number | undefined }): number {
  const { from, to, now, wanted_s } = parts;
  const length_s = (to.getTime() - from.getTime()) / 1000;
  const kept_s = finestWidth((now.getTime() - from.getTime()) / 1000);
  const fitting_s = WIDTHS_S.find((width) => width >= kept_s && length_s / width <= WANTED_POINTS) ?? 86_400;
  if (wanted_s === undefined) return fitting_s;
  // A multiple of what is kept: a bucket can't be split.
  const width_s = Math.ceil(wanted_s / kept_s) * kept_s;
  if (length_s / width_s > MAX_POINTS) {
    throw new ValidationError([{ field: 'width_s', message: `would give more than ${MAX_POINTS} points` }]);
  }
  return width_s;
}

export function floorTo(time: Date, width_s: number): number {
  return Math.floor(time.getTime() / (width_s * 1000)) * width_s * 1000;
}

function pointOf(at: number, bucket: SummedBucket | undefined): MetricPointView {
  return {
    at: new Date(at).toISOString(),
    messages_received: Number(bucket?.messages_received ?? 0),
    deliveries_succeeded: Number(bucket?.deliveries_succeeded ?? 0),
    deliveries_failed: Number(bucket?.deliveries_failed ?? 0),
    actions_attempted: Number(bucket?.actions_executed ?? 0) + Number(bucket?.actions_failed ?? 0),
    actions_executed: Number(bucket?.actions_executed ?? 0),
    actions_failed: Number(bucket?.actions_failed ?? 0),
    latency_p50_ms: bucket?.latency_p50_ms ?? null,
    latency_p95_ms: bucket?.latency_p95_ms ?? null,
    latency_p99_ms: bucket?.latency_p99_ms ?? null,
  };
}
