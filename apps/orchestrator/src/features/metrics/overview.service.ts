import { type DataSource, In } from 'typeorm';
import { containsPattern } from '../../database/contains-pattern';
import { type Page, pageWindow } from '../../http/pagination';
import type { ProductScope } from '../../http/principal';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import type { ReadHealth } from '../../model/health-reader';
import type { ProductHealthView } from '../../model/product-health';
import { NO_LISTENER_REASON } from '../../model/product-state';
import { perSecond } from './message-rates';
import { BUCKET_WIDTH_S } from './metric-buckets';
import type { OverviewQuery, ProductOverviewView } from './metrics.dto';
import { floorTo } from './metrics.service';

const SPARKLINE_POINTS = 60;

/**
 * Worst first. Dead letters ($4: products that have some) need a person, however well the connection is, and whether or not the
 * product is switched on.
 */
const SEVERITY = `LEAST(
  CASE WHEN NOT p.enabled THEN 6
    WHEN s.state = 'disconnected' THEN 0
    WHEN s.state = 'stale' OR (silent.product_id IS NOT NULL AND s.state <> 'no_listener') THEN 1
    WHEN s.state IS NULL OR s.state = 'no_listener' THEN 2
    WHEN s.state = 'degraded' THEN 3
    WHEN s.state = 'connecting' THEN 4
    ELSE 5 END,
  CASE WHEN p.id = ANY($4::int[]) THEN 3 END)`;

const PAGE = `WITH silent AS (
    SELECT product_id FROM listener_instances WHERE stopped_at IS NULL
    GROUP BY product_id HAVING max(last_heartbeat_at) < $3
  )
  SELECT p.id, p.name, p.slug, p.description, p.enabled, c.revision, silent.product_id IS NOT NULL AS is_silent,
    count(*) OVER ()::int AS total
  FROM products p
  LEFT JOIN mqtt_configs c ON c.product_id = p.id
  LEFT JOIN mqtt_connection_status s ON s.product_id = p.id
  LEFT JOIN silent ON silent.product_id = p.id
  WHERE ($1::int[] IS NULL OR p.id = ANY ($1)) AND ($2::text IS NULL OR p.name ILIKE $2 OR p.slug ILIKE $2)
  ORDER BY ${SEVERITY}, lower(p.name), p.id LIMIT $5 OFFSET $6`;

interface ProductRow {
  id: number;
  name: string;
  slug: string;
  description: string;
  enabled: boolean;
  revision: number | null;
  /** All its instances are silent, also before the next sweep says so. */
  is_silent: boolean;
  total: number;
}

export interface OverviewServiceDeps {
  dataSource: DataSource;
  stale_after_ms: number;
  readHealth: ReadHealth;
  /** Dead letters by product; products whose queue does not answer are missing. */
  deadLetters: (product_ids: number[]) => Promise<Map<number, number>>;
}

/** Products at a glance: the database sorts all, and only those of the page are looked at closely. */
export class OverviewService {
  constructor(private readonly deps: OverviewServiceDeps) {}

  /** Products with a problem first, then by name. */
  async page(query: OverviewQuery, scope: ProductScope, now = new Date()): Promise<Page<ProductOverviewView>> {
    const { page, page_size, skip } = pageWindow(query);
    const dead_letters = await this.deps.deadLetters(await this.idsOf(scope));
    const products = await this.rows(query, scope, { now, dead_letters, limit: page_size, offset: skip });
    const total = products[0]?.total ?? (skip === 0 ? 0 : await this.total(query, scope, { now, dead_letters }));
    const ids = products.map(({ id }) => id);
    const { manager } = this.deps.dataSource;
    const statuses = await manager.findBy(ConnectionStatusEntity, { product_id: In(ids) });
    const status_of = new Map(statuses.map((status) => [status.product_id, status]));
    const traffic = await this.recentTraffic(ids, now);
    const healths = await this.deps.readHealth(ids);
    const items = products.map((product) =>
      overviewOf({
        product,
        health: healths.get(product.id) ?? { health: product.enabled ? 'failing' : 'disabled', health_reasons: [] },
        status: status_of.get(product.id),
        dead_letters: dead_letters.get(product.id) ?? null,
        sparkline: traffic.get(product.id) ?? new Array<number>(SPARKLINE_POINTS).fill(0),
        now,
      }),
    );
    return { items, total, page, page_size };
  }

  private async idsOf(scope: ProductScope): Promise<number[]> {
    if (scope !== 'all') return [...scope];
    const rows = await this.deps.dataSource.query<{ id: number }[]>('SELECT id FROM products');
    return rows.map(({ id }) => id);
  }

  private rows(
    { search }: OverviewQuery,
    scope: ProductScope,
    window: { now: Date; dead_letters: Map<number, number>; limit: number; offset: number },
  ): Promise<ProductRow[]> {
    const with_dead = [...window.dead_letters].flatMap(([id, count]) => (count > 0 ? [id] : []));
    return this.deps.dataSource.query<ProductRow[]>(PAGE, [
      scope === 'all' ? null : [...scope],
      search ? containsPattern(search) : null,
      new Date(window.now.getTime() - this.deps.stale_after_ms),
      with_dead,
      window.limit,
      window.offset,
    ]);
  }

  /** Of a page beyond the last one, which has no row to say it. */
  private async total(
    query: OverviewQuery,
    scope: ProductScope,
    parts: { now: Date; dead_letters: Map<number, number> },
  ): Promise<number> {
    const [first] = await this.rows(query, scope, { ...parts, limit: 1, offset: 0 });
    return first?.total ?? 0;
  }

  /** Messages in each of the last whole buckets and the one that has begun, by product. */
  private async recentTraffic(product_ids: number[], now: Date): Promise<Map<number, number[]>> {
    const first_ms = floorTo(now, BUCKET_WIDTH_S) - (SPARKLINE_POINTS - 1) * BUCKET_WIDTH_S * 1000;
    const rows = await this.deps.dataSource.query<{ product_id: number; starts_at: Date; messages_received: string }[]>(
      `SELECT product_id, starts_at, messages_received FROM metric_buckets
       WHERE product_id = ANY($3::int[]) AND width_s = $1 AND starts_at >= $2`,
      [BUCKET_WIDTH_S, new Date(first_ms), product_ids],
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
  product: ProductRow;
  status: ConnectionStatusEntity | undefined;
  dead_letters: number | null;
  sparkline: number[];
  now: Date;
}): ProductOverviewView {
  const { product, status, dead_letters, sparkline, now } = parts;
  const went_silent =
    product.is_silent && status !== undefined && status.state !== 'stale' && status.state !== 'no_listener';
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
    desired_revision: product.revision ?? 0,
    applied_revision: status?.applied_revision ?? null,
    messages_received: status?.messages_received ?? 0,
    last_message_at: status?.last_message_at?.toISOString() ?? null,
    rate_1m: perSecond(String(last_minute), since, now),
    dead_letters,
    sparkline,
  };
}
