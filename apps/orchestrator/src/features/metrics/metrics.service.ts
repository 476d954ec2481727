import type { ConnectionState } from '@cortex-mqtt/contracts';
import { type DataSource, ILike, In } from 'typeorm';
import { NotFoundError, ValidationError } from '../../http/app-error';
import { type Page, pageWindow } from '../../http/pagination';
import type { ProductScope } from '../../http/principal';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { perSecond } from './message-rates';
import { BUCKET_WIDTH_S } from './metric-buckets';
import { NO_LISTENER_REASON } from '../../model/product-state';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ReadHealth } from '../../model/health-reader';
import type { ProductHealthView } from '../../model/product-health';
import { ProductEntity } from '../../model/product.entity';
import { finestWidth, rollUp, type SummedBucket, sumBuckets } from './metric-store';
import type { MetricPointView, MetricsQuery, MetricsView, OverviewQuery, ProductOverviewView } from './metrics.dto';

const HOUR_MS = 3600_000;
const LONGEST_MS = 31 * 24 * HOUR_MS;
const MAX_POINTS = 2_000;
/** Chosen so that a chart has some hundred points. */
const WIDTHS_S = [10, 60, 300, 600, 3_600, 21_600, 86_400] as const;
const WANTED_POINTS = 400;
const SPARKLINE_POINTS = 60;

/** Worst first. */
const SEVERITY: Record<ConnectionState, number> = {
  disconnected: 0,
  stale: 1,
  no_listener: 2,
  degraded: 3,
  connecting: 4,
  connected: 5,
};
const DISABLED_SEVERITY = 6;

/** Traffic over time, and all products at a glance. */
export class MetricsService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      stale_after_ms: number;
      readHealth: ReadHealth;
      /** Dead letters by product; products whose queue does not answer are missing. */
      deadLetters: (product_ids: number[]) => Promise<Map<number, number>>;
    },
  ) {}

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
    return { product_id, from: from.toISOString(), to: to.toISOString(), width_s, points };
  }

  /** Products with a problem first, then by name. */
  async overview(query: OverviewQuery, scope: ProductScope, now = new Date()): Promise<Page<ProductOverviewView>> {
    const { manager } = this.deps.dataSource;
    const pattern = query.search ? ILike(`%${query.search.replace(/[\\%_]/g, '\\$&')}%`) : undefined;
    const seen = scope === 'all' ? {} : { id: In([...scope]) };
    const products = await manager.find(ProductEntity, {
      where: pattern
        ? [
            { ...seen, name: pattern },
            { ...seen, slug: pattern },
          ]
        : seen,
      select: { id: true, name: true, slug: true, description: true, enabled: true },
    });
    const statuses = new Map((await manager.find(ConnectionStatusEntity)).map((status) => [status.product_id, status]));
    const configs = await manager.find(MqttConfigEntity, { select: { id: true, product_id: true, revision: true } });
    const revisions = new Map(configs.map((config) => [config.product_id, config.revision]));
    const silent = await this.silentProducts(now);
    const traffic = await this.recentTraffic(now);
    const healths = await this.deps.readHealth(products.map(({ id }) => id));
    const dead_letters = await this.deps.deadLetters(products.map(({ id }) => id));
    const rows = products.map((product) =>
      overviewOf({
        product,
        health: healths.get(product.id) ?? { health: product.enabled ? 'failing' : 'disabled', health_reasons: [] },
        status: statuses.get(product.id),
        desired_revision: revisions.get(product.id) ?? 0,
        is_silent: silent.has(product.id),
        dead_letters: dead_letters.get(product.id) ?? null,
        sparkline: traffic.get(product.id) ?? new Array<number>(SPARKLINE_POINTS).fill(0),
        now,
      }),
    );
    rows.sort((a, b) => severityOf(a) - severityOf(b) || a.name.localeCompare(b.name) || a.product_id - b.product_id);
    const { page, page_size, skip } = pageWindow(query);
    return { items: rows.slice(skip, skip + page_size), total: rows.length, page, page_size };
  }

  /** Adds old buckets up; see RETENTION. */
  async rollUp(): Promise<void> {
    await rollUp(this.deps.dataSource);
  }

  /** Products whose instances are all silent, also before the next sweep says so. */
  private async silentProducts(now: Date): Promise<Set<number>> {
    const rows = await this.deps.dataSource.query<{ product_id: number }[]>(
      `SELECT product_id FROM listener_instances WHERE stopped_at IS NULL
       GROUP BY product_id HAVING max(last_heartbeat_at) < $1`,
      [new Date(now.getTime() - this.deps.stale_after_ms)],
    );
    return new Set(rows.map((row) => row.product_id));
  }

  /** Messages in each of the last whole buckets and the one that has begun, by product. */
  private async recentTraffic(now: Date): Promise<Map<number, number[]>> {
    const first_ms = floorTo(now, BUCKET_WIDTH_S) - (SPARKLINE_POINTS - 1) * BUCKET_WIDTH_S * 1000;
    const rows = await this.deps.dataSource.query<{ product_id: number; starts_at: Date; messages_received: string }[]>(
      'SELECT product_id, starts_at, messages_received FROM metric_buckets WHERE width_s = $1 AND starts_at >= $2',
      [BUCKET_WIDTH_S, new Date(first_ms)],
    );
    const traffic = new Map<number, number[]>();
    for (const { product_id, starts_at, messages_received } of rows) {
      const points = traffic.get(product_id) ?? new Array<number>(SPARKLINE_POINTS).fill(0);
      points[(starts_at.getTime() - first_ms) / (BUCKET_WIDTH_S * 1000)] = Number(messages_received);
      traffic.set(product_id, points);
    }
    return traffic;
  }
}

function overviewOf(parts: {
  health: ProductHealthView;
  product: ProductEntity;
  status: ConnectionStatusEntity | undefined;
  desired_revision: number;
  is_silent: boolean;
  dead_letters: number | null;
  sparkline: number[];
  now: Date;
}): ProductOverviewView {
  const { product, status, desired_revision, is_silent, dead_letters, sparkline, now } = parts;
  const went_silent = is_silent && status !== undefined && status.state !== 'stale' && status.state !== 'no_listener';
  const state = went_silent ? 'stale' : (status?.state ?? 'no_listener');
  const connected = !went_silent && (status?.connected ?? false);
  const since = new Date(floorTo(now, BUCKET_WIDTH_S) - 60_000);
  const last_minute = sparkline.slice(-7).reduce((sum, count) => sum + count, 0);
  return {
    product_id: product.id,
    name: product.name,
    slug: product.slug,
    description: product.description,
    enabled: product.enabled,
    ...parts.health,
    state,
    connected,
    connection_error: went_silent
      ? 'The heartbeat of its listener has stopped.'
      : (status?.connection_error ?? (state === 'no_listener' ? NO_LISTENER_REASON : null)),
    desired_revision,
    applied_revision: status?.applied_revision ?? null,
    messages_received: status?.messages_received ?? 0,
    last_message_at: status?.last_message_at?.toISOString() ?? null,
    rate_1m: perSecond(String(last_minute), since, now),
    dead_letters,
    sparkline,
  };
}

/** Dead letters need a person, however well the connection is, and whether or not the product is switched on. */
function severityOf(row: ProductOverviewView): number {
  const by_state = row.enabled ? SEVERITY[row.state] : DISABLED_SEVERITY;
  return row.dead_letters ? Math.min(by_state, SEVERITY.degraded) : by_state;
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

function floorTo(time: Date, width_s: number): number {
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
