import { And, type DataSource, type FindOptionsWhere, ILike, In, LessThan, MoreThanOrEqual } from 'typeorm';
import { containsPattern } from '../../database/contains-pattern';
import { type Page, pageWindow } from '../../http/pagination';
import type { AllAuditLogsQuery, AuditLogView } from './audit-log.dto';
import { AuditLogEntity } from './audit-log.entity';

const DAY_MS = 24 * 3600_000;
/** Rows that one DELETE takes away, and DELETEs of one turn: none holds its locks for long, however much has piled up. */
const PRUNED_AT_ONCE = 5_000;
const BATCHES_A_TURN = 20;

/** Reads what was done; the writing is `recordAudit`, in the transaction of each change. */
export class AuditLogService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  /** Newest first. A product that was deleted keeps its history. */
  async list(query: AllAuditLogsQuery): Promise<Page<AuditLogView>> {
    const window = pageWindow(query);
    const [logs, total] = await this.deps.dataSource.getRepository(AuditLogEntity).findAndCount({
      where: conditions(query),
      order: { id: 'DESC' },
      skip: window.skip,
      take: window.take,
    });
    return { items: logs.map(presentAuditLog), total, page: window.page, page_size: window.page_size };
  }

  /** Takes away what is older than `keep_days`, oldest first, in bounded batches; the next turn continues. 0 keeps everything. */
  async prune({ keep_days, now = new Date() }: { keep_days: number; now?: Date }): Promise<void> {
    if (keep_days === 0) return;
    const logs = this.deps.dataSource.getRepository(AuditLogEntity);
    const created_at = LessThan(new Date(now.getTime() - keep_days * DAY_MS));
    for (let batch = 0; batch < BATCHES_A_TURN; batch += 1) {
      const old = await logs.find({
        select: { id: true },
        where: { created_at },
        order: { created_at: 'ASC' },
        take: PRUNED_AT_ONCE,
      });
      if (old.length > 0) await logs.delete({ id: In(old.map(({ id }) => id)) });
      if (old.length < PRUNED_AT_ONCE) return;
    }
  }
}

function conditions(query: AllAuditLogsQuery): FindOptionsWhere<AuditLogEntity> {
  const where: FindOptionsWhere<AuditLogEntity> = {};
  if (query.product_id !== undefined) where.product_id = query.product_id;
  if (query.actor !== undefined) where.actor_name = ILike(containsPattern(query.actor));
  if (query.action !== undefined) where.action = query.action;
  if (query.entity_type !== undefined) where.entity_type = query.entity_type;
  if (query.entity_id !== undefined) where.entity_id = query.entity_id;
  const bounds = [
    ...(query.from === undefined ? [] : [MoreThanOrEqual(new Date(query.from))]),
    ...(query.to === undefined ? [] : [LessThan(new Date(query.to))]),
  ];
  if (bounds.length > 0) where.created_at = And(...bounds);
  return where;
}

function presentAuditLog(log: AuditLogEntity): AuditLogView {
  return {
    id: log.id,
    created_at: log.created_at.toISOString(),
    actor_kind: log.actor_kind,
    actor_id: log.actor_id,
    actor_name: log.actor_name,
    ip: log.ip,
    request_id: log.request_id,
    action: log.action,
    entity_type: log.entity_type,
    entity_id: log.entity_id,
    entity_name: log.entity_name,
    product_id: log.product_id,
    before: log.before,
    after: log.after,
  };
}
