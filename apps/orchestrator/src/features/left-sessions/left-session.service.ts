import type { BrokerConnection, LeftSession, LeftSessionOutcome } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { type DataSource, type EntityManager, In, IsNull } from 'typeorm';
import { lockConfig } from '../../configuration/revision';
import { ConflictError, NotFoundError } from '../../http/app-error';
import { type Page, type PageQuery, pageWindow } from '../../http/pagination';
import type { ProductScope } from '../../http/principal';
import { ProductEntity } from '../../model/product.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { leftSessionPlace, type SecretBox } from '../secrets/secret-box';
import { LeftSessionEntity } from './left-session.entity';
import type { LeftSessionNotes } from './left-session.notes';
import type { LeftSessionView } from './left-session.view';

/** Of one product, that a listener hears of at once. */
const MAX_TOLD = 20;
const MAX_LISTED = 500;
/** A listener that empties one and dies holds it no longer than this. */
const CLAIM_S = 360;
const FIRST_PAUSE_S = 30;
const LONGEST_PAUSE_S = 3_600;
/** A listener of a deleted product that nobody could stop may have connected again: it is ended once more after this. */
const ENDED_AGAIN_AFTER_S = 60;
/** Status does not mention what is worked off within this. */
const MENTIONED_AFTER_MS = 30_000;
const AT_ONCE = 20;

export interface LeftSessionServiceDeps {
  dataSource: DataSource;
  secretBox: SecretBox;
  notes: LeftSessionNotes;
  /** Ends a session at its broker with all that waits in it. */
  endSession(session: { broker: BrokerConnection; client_id: string }): Promise<void>;
  logger: Logger;
}

/**
 * Sessions that nobody uses any more: listeners empty those of their product; of deleted products, and of those that are disabled for
 * good, nobody runs what waits, so they are only ended, from here. What can't be reached stays on the list and is retried.
 */
export class LeftSessionService {
  constructor(private readonly deps: LeftSessionServiceDeps) {}

  /** Those that remain, with those ended of late. */
  async list(query: PageQuery, scope: ProductScope): Promise<Page<LeftSessionView>> {
    const { page, page_size, skip, take } = pageWindow(query);
    const [rows, total] = await this.deps.dataSource.getRepository(LeftSessionEntity).findAndCount({
      where: scope === 'all' ? {} : { product_id: In([...scope]) },
      order: { id: 'DESC' },
      skip,
      take,
    });
    return { items: rows.map(present), total, page, page_size };
  }

  /** For the listener of the product, oldest first. */
  async pending(manager: EntityManager, product_id: number): Promise<LeftSession[]> {
    const rows = await manager.find(LeftSessionEntity, {
      where: { product_id, ended_at: IsNull() },
      order: { id: 'ASC' },
      take: MAX_TOLD,
    });
    return rows.flatMap((row) => {
      const broker = this.open(row);
      const { id, reason, client_id, shared_group, subscriptions } = row;
      return broker === null ? [] : [{ id, reason, broker, client_id, shared_group, subscriptions }];
    });
  }

  async claim(product_id: number, id: number, instance_id: string): Promise<'claimed' | 'busy' | 'gone'> {
    const { dataSource } = this.deps;
    const [, claimed] = (await dataSource.query(
      `UPDATE left_sessions SET claimed_by = $3, claimed_until = now() + make_interval(secs => $4)
       WHERE id = $1 AND product_id = $2 AND ended_at IS NULL
         AND (claimed_until IS NULL OR claimed_until < now() OR claimed_by = $3)`,
      [id, product_id, instance_id, CLAIM_S],
    )) as [unknown, number];
    if (claimed > 0) return 'claimed';
    const is_there = await dataSource.manager.existsBy(LeftSessionEntity, { id, product_id, ended_at: IsNull() });
    return is_there ? 'busy' : 'gone';
  }

  async record(product_id: number, id: number, outcome: LeftSessionOutcome, instance_id: string): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const row = await manager.findOne(LeftSessionEntity, {
        where: { id, product_id, ended_at: IsNull() },
        lock: { mode: 'pessimistic_write' },
      });
      // It is in use again, or somebody else has ended it.
      if (!row) return;
      await this.conclude(manager, row, outcome);
      const news = outcome.is_ended ? 'session_ended' : row.last_error === null ? 'session_not_ended' : null;
      if (news === null) return;
      const { host, port, client_id, reason: left_because } = row;
      const detail = { host, port, client_id, left_because, messages: outcome.messages, reason: outcome.reason };
      await manager.query(
        `INSERT INTO connection_events (product_id, instance_id, at, type, broker, detail)
         VALUES ($1, $2, now(), $3, NULL, $4)`,
        [product_id, instance_id, news, JSON.stringify(detail)],
      );
      await recordAudit(manager, {
        actor: { kind: 'listener', id: null, name: instance_id, ip: null, request_id: null },
        action: `connection.${news}`,
        entity_type: 'connection',
        entity_id: `${host}:${port}`,
        product_id,
        after: detail,
      });
    });
  }

  /** A disabled product is not coming back: its sessions are ended, with what waits in them. */
  async leaveDisabled(product_id: number, actor: Actor): Promise<LeftSessionView[]> {
    await this.deps.dataSource.transaction(async (manager) => {
      await lockConfig(manager, product_id, undefined);
      const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
      if (product.enabled) {
        throw new ConflictError('The product is enabled: its listener uses its sessions. Disable it first.');
      }
      const noted = await this.deps.notes.leaveDisabled(manager, product_id);
      if (noted === 0) return;
      await recordAudit(manager, {
        actor,
        action: 'product.end_sessions',
        entity_type: 'product',
        entity_id: product_id,
        product_id,
        after: { sessions: noted },
      });
    });
    return (await this.list({ page_size: MAX_LISTED }, [product_id])).items;
  }

  /** Nobody tries it again; the broker keeps it until it expires there. */
  async forget(id: number, actor: Actor): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const row = await manager.findOneBy(LeftSessionEntity, { id });
      if (!row) throw new NotFoundError(`There is no left session ${id}.`);
      await manager.delete(LeftSessionEntity, { id });
      const { product_id, host, port, client_id } = row;
      const product = await manager.existsBy(ProductEntity, { id: product_id });
      await recordAudit(manager, {
        actor,
        action: 'left_session.forget',
        entity_type: 'left_session',
        entity_id: id,
        product_id: product ? product_id : null,
        before: { host, port, client_id },
      });
    });
  }

  /** For the product's status. */
  async warnings(product_id: number, now: Date): Promise<{ code: string; message: string }[]> {
    const rows = await this.deps.dataSource
      .getRepository(LeftSessionEntity)
      .find({ where: { product_id, ended_at: IsNull() }, order: { id: 'ASC' }, take: MAX_TOLD });
    return rows
      .filter(
        ({ left_at, last_error }) => last_error !== null || now.getTime() - left_at.getTime() > MENTIONED_AFTER_MS,
      )
      .map(({ client_id, host, port, left_at, last_error }) => ({
        code: 'SESSION_LEFT',
        message: `Since ${left_at.toISOString()} nothing uses the session "${client_id}" at ${host}:${port} any more, and the broker goes on collecting messages in it. ${last_error === null ? 'A listener that is connected empties and ends it.' : `It could not be ended yet: ${last_error}`}`,
      }));
  }

  /** Ends those that no listener will; several orchestrators never take the same. */
  async endUnwanted(): Promise<void> {
    const due = await this.deps.dataSource.query<[LeftSessionEntity[], number]>(
      `UPDATE left_sessions SET claimed_by = 'orchestrator', claimed_until = now() + interval '2 minutes'
       WHERE id IN (
         SELECT l.id FROM left_sessions l LEFT JOIN products p ON p.id = l.product_id
         WHERE l.ended_at IS NULL AND l.next_attempt_at <= now()
           AND (l.claimed_until IS NULL OR l.claimed_until < now())
           AND (p.id IS NULL OR (l.reason = 'product_disabled' AND NOT p.enabled))
         ORDER BY l.next_attempt_at LIMIT ${AT_ONCE} FOR UPDATE OF l SKIP LOCKED)
       RETURNING *`,
    );
    await Promise.all(due[0].map((row) => this.end(row)));
  }

  private async end(row: LeftSessionEntity): Promise<void> {
    const { dataSource, endSession, logger } = this.deps;
    const { id, product_id, client_id, host, port, left_at } = row;
    const broker = this.open(row);
    let reason: string | null = null;
    try {
      if (broker === null) throw new Error('No encryption key opens its connection.');
      await endSession({ broker, client_id });
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      logger.warn('an abandoned session could not be ended', { product_id, client_id, host, port, reason });
    }
    const is_young = Date.now() - left_at.getTime() < ENDED_AGAIN_AFTER_S * 1_000;
    if (reason === null && is_young) {
      await dataSource.query(
        `UPDATE left_sessions SET claimed_by = NULL, claimed_until = NULL, last_error = NULL, attempts = attempts + 1,
           next_attempt_at = left_at + make_interval(secs => $2) WHERE id = $1`,
        [id, ENDED_AGAIN_AFTER_S],
      );
      return;
    }
    await this.conclude(dataSource.manager, row, { is_ended: reason === null, messages: 0, reason });
  }

  private async conclude(manager: EntityManager, row: LeftSessionEntity, outcome: LeftSessionOutcome): Promise<void> {
    const attempts = row.attempts + 1;
    const pause_s = Math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** Math.min(attempts - 1, 10));
    await manager.update(
      LeftSessionEntity,
      { id: row.id },
      {
        ...{ attempts, claimed_by: null, claimed_until: null, last_error: outcome.reason },
        next_attempt_at: new Date(Date.now() + pause_s * 1_000),
        ...(outcome.is_ended ? { ended_at: new Date(), messages: outcome.messages } : {}),
      },
    );
    if (!outcome.is_ended) return;
    // Who comes under that client id later misses nothing.
    await manager.query(
      `UPDATE mqtt_connection_status SET known_sessions = coalesce(
         (SELECT jsonb_agg(known) FROM jsonb_array_elements(known_sessions) AS known
          WHERE NOT (known->>'host' = $2 AND (known->>'port')::int = $3 AND known->>'client_id' = $4)), '[]')
       WHERE product_id = $1`,
      [row.product_id, row.host, row.port, row.client_id],
    );
  }

  /** null when no key opens it. */
  private open({ id, product_id, connection }: LeftSessionEntity): BrokerConnection | null {
    try {
      return JSON.parse(this.deps.secretBox.open(connection, leftSessionPlace(product_id))) as BrokerConnection;
    } catch (error) {
      this.deps.logger.warn('the stored connection of an abandoned session cannot be decrypted', { id, error });
      return null;
    }
  }
}

function present(row: LeftSessionEntity): LeftSessionView {
  const { id, product_id, product_name, reason, host, port, client_id, attempts, last_error, messages } = row;
  return {
    ...{ id, product_id, product_name, reason, host, port, client_id, attempts, last_error, messages },
    state: row.ended_at === null ? 'left' : 'ended',
    left_at: row.left_at.toISOString(),
    next_attempt_at: row.ended_at === null ? row.next_attempt_at.toISOString() : null,
    ended_at: row.ended_at?.toISOString() ?? null,
    expires_at: row.expires_at.toISOString(),
  };
}
