import { And, type DataSource, type FindOptionsWhere, In, LessThan, MoreThan, MoreThanOrEqual } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { type Page, pageWindow } from '../../http/pagination';
import { ConnectionEventEntity, PRODUCT_TRANSITIONS } from './connection-event.entity';
import { ProductEntity } from '../../model/product.entity';
import type { ConnectionEventQuery, ConnectionEventView, UptimeView, UptimeWindow } from './connection-history.dto';
import { type Transition, uptimeBetween } from './uptime';

const DAY_MS = 24 * 3600_000;
const WINDOWS_MS: Record<UptimeWindow, number> = { '24h': DAY_MS, '7d': 7 * DAY_MS, '30d': 30 * DAY_MS };
const LONGEST_MS = 30 * DAY_MS;
const TRANSITION_LIST = PRODUCT_TRANSITIONS.map((type) => `'${type}'`).join(', ');

/** Kept of each product. */
export const DEFAULT_HISTORY_LIMITS = { age_ms: LONGEST_MS, events_per_product: 10_000 };

/** What happened to the connections of a product: bounded, newest first. */
export class ConnectionHistoryService {
  constructor(private readonly deps: { dataSource: DataSource; limits?: typeof DEFAULT_HISTORY_LIMITS }) {}

  async list(product_id: number, query: ConnectionEventQuery): Promise<Page<ConnectionEventView>> {
    await this.mustExist(product_id);
    const window = pageWindow(query);
    const [events, total] = await this.deps.dataSource.getRepository(ConnectionEventEntity).findAndCount({
      where: conditions(product_id, query),
      order: { at: 'DESC', id: 'DESC' },
      skip: window.skip,
      take: window.take,
    });
    return { items: events.map(presentConnectionEvent), total, page: window.page, page_size: window.page_size };
  }

  /** Events that were recorded after the one with `id`, oldest first. */
  async after(product_id: number, id: number, limit = 200): Promise<ConnectionEventView[]> {
    const events = await this.deps.dataSource.getRepository(ConnectionEventEntity).find({
      where: { product_id, id: MoreThan(String(id)) },
      order: { id: 'ASC' },
      take: limit,
    });
    return events.map(presentConnectionEvent);
  }

  /** Id of the newest event; 0 without any. */
  async newestId(product_id: number): Promise<number> {
    await this.mustExist(product_id);
    const [row] = await this.deps.dataSource.query<{ id: string | null }[]>(
      'SELECT max(id) AS id FROM connection_events WHERE product_id = $1',
      [product_id],
    );
    return Number(row?.id ?? 0);
  }

  async uptime(product_id: number, now = new Date()): Promise<UptimeView> {
    await this.mustExist(product_id);
    const rows = await this.deps.dataSource.query<{ at: Date; type: string }[]>(
      `SELECT at, type FROM connection_events
       WHERE product_id = $1 AND type IN (${TRANSITION_LIST}) AND at >= coalesce(
         (SELECT max(at) FROM connection_events WHERE product_id = $1 AND type IN (${TRANSITION_LIST}) AND at <= $2),
         $2)
       ORDER BY at, id`,
      [product_id, new Date(now.getTime() - LONGEST_MS)],
    );
    const transitions: Transition[] = rows.map(({ at, type }) => ({ at, connected: type === 'online' }));
    return {
      product_id,
      windows: (Object.entries(WINDOWS_MS) as [UptimeWindow, number][]).map(([window, length_ms]) => {
        const from = new Date(now.getTime() - length_ms);
        return {
          window,
          from: from.toISOString(),
          to: now.toISOString(),
          ...uptimeBetween(transitions, from, now),
        };
      }),
    };
  }

  /**
   * Deletes what is too old or too much. The newest transition before the age limit stays: without it the state at the
   * start of the longest window would be lost for a connection that has been up for longer.
   */
  async prune(now = new Date()): Promise<void> {
    const { age_ms, events_per_product } = this.deps.limits ?? DEFAULT_HISTORY_LIMITS;
    const cutoff = new Date(now.getTime() - age_ms);
    await this.deps.dataSource.query(
      `DELETE FROM connection_events e WHERE e.at < $1 AND NOT (e.type IN (${TRANSITION_LIST}) AND NOT EXISTS (
         SELECT 1 FROM connection_events n WHERE n.product_id = e.product_id AND n.type IN (${TRANSITION_LIST})
           AND n.at <= $1 AND (n.at, n.id) > (e.at, e.id)))`,
      [cutoff],
    );
    await this.deps.dataSource.query(
      `WITH crowded AS (
         SELECT product_id FROM connection_events GROUP BY product_id HAVING count(*) > $1::int
       ), kept AS (
         SELECT c.product_id,
           (SELECT id FROM connection_events e WHERE e.product_id = c.product_id ORDER BY id DESC OFFSET $1::int - 1 LIMIT 1) AS first_id,
           (SELECT max(id) FROM connection_events e WHERE e.product_id = c.product_id AND e.type IN (${TRANSITION_LIST})) AS state_id
         FROM crowded c
       )
       DELETE FROM connection_events e USING kept k
       WHERE e.product_id = k.product_id AND e.id < k.first_id AND e.id IS DISTINCT FROM k.state_id`,
      [events_per_product],
    );
  }

  private async mustExist(product_id: number): Promise<void> {
    const exists = await this.deps.dataSource.getRepository(ProductEntity).existsBy({ id: product_id });
    if (!exists) throw new NotFoundError(`There is no product ${product_id}.`);
  }
}

function conditions(product_id: number, query: ConnectionEventQuery): FindOptionsWhere<ConnectionEventEntity> {
  const where: FindOptionsWhere<ConnectionEventEntity> = { product_id };
  if (query.type !== undefined) where.type = In(query.type);
  if (query.instance_id !== undefined) where.instance_id = query.instance_id;
  if (query.broker !== undefined) where.broker = query.broker;
  const bounds = [
    ...(query.from === undefined ? [] : [MoreThanOrEqual(new Date(query.from))]),
    ...(query.to === undefined ? [] : [LessThan(new Date(query.to))]),
  ];
  if (bounds.length > 0) where.at = And(...bounds);
  return where;
}

function presentConnectionEvent(event: ConnectionEventEntity): ConnectionEventView {
  return {
    id: Number(event.id),
    at: event.at.toISOString(),
    instance_id: event.instance_id || null,
    type: event.type,
    broker: event.broker,
    detail: event.detail,
  };
}
