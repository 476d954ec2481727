import { isOpen } from '@cortex-mqtt/alerting';
import type { FieldFault } from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';
import { NotFoundError, ValidationError } from '../../../http/app-error';
import { type Page, type PageQuery, pageWindow } from '../../../http/pagination';
import type { ProductScope } from '../../../http/principal';
import { type Actor, recordAudit } from '../../audit/audit-trail';
import { maintenanceWindow } from '../model/rules.store';
import { isTimeZone, requireGrants } from '../model/write-checks';
import type { CreateMaintenanceWindowDto, MaintenanceWindowView } from './maintenance-window.dto';
import { MaintenanceWindowEntity } from '../model/maintenance-window.entity';

/** What belongs to once or to weekly alone. */
const NO_TIMES = { starts_at: null, ends_at: null, days: [], from: null, to: null };

type Writer = { actor: Actor; scope: ProductScope };

/** Times in which nothing new fires, because people are at work. */
export class MaintenanceWindowService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async list(query: PageQuery, scope: ProductScope): Promise<Page<MaintenanceWindowView>> {
    const window = pageWindow(query);
    const builder = this.deps.dataSource.manager
      .createQueryBuilder(MaintenanceWindowEntity, 'w')
      .orderBy('w.id', 'DESC');
    if (scope !== 'all') {
      builder.where(
        '(w.all_products OR EXISTS (SELECT 1 FROM jsonb_array_elements(w.product_ids) e WHERE e::int = ANY(:scope::int[])))',
        { scope },
      );
    }
    const [rows, total] = await builder.skip(window.skip).take(window.take).getManyAndCount();
    return { items: rows.map(present), total, page: window.page, page_size: window.page_size };
  }

  async read(id: number, scope: ProductScope): Promise<MaintenanceWindowView> {
    const row = await this.deps.dataSource.manager.findOneBy(MaintenanceWindowEntity, { id });
    const is_seen =
      row !== null && (scope === 'all' || row.all_products || row.product_ids.some((one) => scope.includes(one)));
    if (!is_seen) throw new NotFoundError(`There is no maintenance window ${id}.`);
    return present(row);
  }

  create(dto: CreateMaintenanceWindowDto, { actor, scope }: Writer): Promise<MaintenanceWindowView> {
    return this.deps.dataSource.transaction(async (manager) => {
      const row = manager.create(MaintenanceWindowEntity, { created_by: actor.name, ...columnsOf(dto) });
      const faults = faultsOf(row);
      if (faults.length > 0) throw new ValidationError(faults);
      requireGrants(row, scope);
      await manager.save(row);
      const view = present(row);
      await recordAudit(manager, {
        actor,
        action: 'maintenance_window.create',
        entity_type: 'maintenance_window',
        entity_id: row.id,
        product_id: null,
        after: { ...view },
      });
      return view;
    });
  }

  /** Absent fields stay; a window that changes between once and weekly needs all that belongs to it. */
  update(
    id: number,
    dto: Partial<CreateMaintenanceWindowDto>,
    { actor, scope }: Writer,
  ): Promise<MaintenanceWindowView> {
    return this.deps.dataSource.transaction(async (manager) => {
      const row = await manager.findOne(MaintenanceWindowEntity, {
        where: { id },
        lock: { mode: 'pessimistic_write' },
      });
      if (!row) throw new NotFoundError(`There is no maintenance window ${id}.`);
      requireGrants(row, scope);
      const before = present(row);
      const repeats = dto.repeats ?? (dto.days?.length ? 'weekly' : before.repeats);
      const stays = before.repeats === repeats ? before : { ...before, ...NO_TIMES };
      const given = Object.fromEntries(Object.entries(dto).filter(([, value]) => value !== undefined));
      Object.assign(
        row,
        columnsOf({ ...stays, ...(dto.product_ids ? { all_products: false } : {}), ...given, repeats }),
      );
      const faults = faultsOf(row);
      if (faults.length > 0) throw new ValidationError(faults);
      requireGrants(row, scope);
      await manager.save(row);
      const view = present(row);
      await recordAudit(manager, {
        actor,
        action: 'maintenance_window.update',
        entity_type: 'maintenance_window',
        entity_id: id,
        product_id: null,
        before: { ...before },
        after: { ...view },
      });
      return view;
    });
  }

  async delete(id: number, { actor, scope }: Writer): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const row = await manager.findOneBy(MaintenanceWindowEntity, { id });
      if (!row) throw new NotFoundError(`There is no maintenance window ${id}.`);
      requireGrants(row, scope);
      await manager.delete(MaintenanceWindowEntity, { id });
      await recordAudit(manager, {
        actor,
        action: 'maintenance_window.delete',
        entity_type: 'maintenance_window',
        entity_id: id,
        product_id: null,
        before: { ...present(row) },
      });
    });
  }
}

function columnsOf(dto: CreateMaintenanceWindowDto): Partial<MaintenanceWindowEntity> {
  const repeats = dto.repeats ?? (dto.days !== undefined && dto.days.length > 0 ? 'weekly' : 'once');
  const is_weekly = repeats === 'weekly';
  return {
    name: dto.name,
    all_products: dto.all_products ?? dto.product_ids === undefined,
    product_ids: dto.product_ids ?? [],
    repeats,
    starts_at: !is_weekly && dto.starts_at ? new Date(dto.starts_at) : null,
    ends_at: !is_weekly && dto.ends_at ? new Date(dto.ends_at) : null,
    days: is_weekly ? (dto.days ?? []) : [],
    from_time: is_weekly ? (dto.from ?? null) : null,
    to_time: is_weekly ? (dto.to ?? null) : null,
    timezone: dto.timezone ?? 'UTC',
  };
}

function faultsOf(row: MaintenanceWindowEntity): FieldFault[] {
  const faults: FieldFault[] = [];
  const refuse = (field: string, message: string) => faults.push({ field, message });
  if (!row.all_products && row.product_ids.length === 0)
    refuse('product_ids', 'must name a product, or all_products must be true');
  if (!isTimeZone(row.timezone)) refuse('timezone', 'is no time zone, such as Europe/Berlin');
  if (row.repeats === 'once') {
    if (row.starts_at === null) refuse('starts_at', 'is needed');
    if (row.ends_at === null) refuse('ends_at', 'is needed');
    if (row.starts_at && row.ends_at && row.ends_at <= row.starts_at) refuse('ends_at', 'must be after starts_at');
  } else {
    if (row.days.length === 0) refuse('days', 'must name a day');
    if (row.from_time === null) refuse('from', 'is needed');
    if (row.to_time === null) refuse('to', 'is needed');
    if (row.from_time !== null && row.from_time === row.to_time) refuse('to', 'must differ from from');
  }
  return faults;
}

function present(row: MaintenanceWindowEntity): MaintenanceWindowView {
  return {
    id: row.id,
    name: row.name,
    all_products: row.all_products,
    product_ids: row.product_ids,
    repeats: row.repeats,
    starts_at: row.starts_at?.toISOString() ?? null,
    ends_at: row.ends_at?.toISOString() ?? null,
    days: row.days,
    from: row.from_time,
    to: row.to_time,
    timezone: row.timezone,
    active: isOpen(maintenanceWindow(row), Date.now()),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
  };
}
