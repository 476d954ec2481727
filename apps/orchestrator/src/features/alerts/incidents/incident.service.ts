import type { DataSource, EntityManager } from 'typeorm';
import { ConflictError, GoneError, NotFoundError, ValidationError } from '../../../http/app-error';
import { type Page, pageWindow } from '../../../http/pagination';
import type { ProductScope } from '../../../http/principal';
import { type Actor, recordAudit, systemActor } from '../../audit/audit-trail';
import { addEvent, type IncidentEvent } from '../model/incident.store';
import type { LinkSigner, OpenLink } from '../outbox/link-signer';
import { readIncident } from '../model/outbox.store';
import { presentIncident } from './incident.presenter';
import { type ListedIncident, listEvents, listIncidents, listMembers, pruneIncidents } from './incident-list.store';
import type { IncidentDetailView, IncidentListQuery, IncidentView, MuteIncidentDto } from './incident.dto';

const KEPT_DAYS = 400;

/** Who does it, and the products that they may see. */
type By = { actor: Actor; scope: ProductScope };

/** What goes wrong, and what people do about it. */
export class IncidentService {
  constructor(private readonly deps: { dataSource: DataSource; links: LinkSigner }) {}

  async list(query: IncidentListQuery, scope: ProductScope): Promise<Page<IncidentView>> {
    const window = pageWindow(query);
    const { rows, total } = await listIncidents(this.deps.dataSource.manager, query, { ...window, scope });
    return {
      items: rows.map((row) => presentIncident(within(row, scope) ?? row)),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  async read(id: number, scope: ProductScope): Promise<IncidentDetailView> {
    return this.detail(this.deps.dataSource.manager, id, scope);
  }

  acknowledge(id: number, comment: string | null, by: By): Promise<IncidentDetailView> {
    const { actor } = by;
    return this.change(id, by, 'acknowledge', async (manager, row) => {
      requireOpen(row);
      // The first one has it: a second acknowledgement is no news.
      if (row.acknowledged_at === null) await acknowledge(manager, id, actor.name);
      if (comment) await addEvent(manager, id, event('commented', actor, { comment }));
    });
  }

  mute(id: number, { until, for_s }: MuteIncidentDto, by: By): Promise<IncidentDetailView> {
    const { actor } = by;
    const end = for_s !== undefined ? new Date(Date.now() + for_s * 1000) : until ? new Date(until) : null;
    if (until === undefined && for_s === undefined)
      throw new ValidationError([{ field: 'until', message: 'or for_s is needed' }]);
    if (end !== null && end.getTime() <= Date.now())
      throw new ValidationError([{ field: 'until', message: 'must be in the future' }]);
    return this.change(id, by, end === null ? 'unmute' : 'mute', async (manager, row) => {
      requireOpen(row);
      await manager.query('UPDATE alert_incidents SET muted_until = $2, updated_at = now() WHERE id = $1', [id, end]);
      await addEvent(
        manager,
        id,
        event(end === null ? 'unmuted' : 'muted', actor, end === null ? {} : { until: end.toISOString() }),
      );
    });
  }

  comment(id: number, comment: string, by: By): Promise<IncidentDetailView> {
    return this.change(id, by, 'comment', (manager) =>
      addEvent(manager, id, event('commented', by.actor, { comment })),
    );
  }

  /** What an unused link is about. */
  async ofLink(token: string): Promise<{ incident: IncidentView; link: OpenLink }> {
    const { manager } = this.deps.dataSource;
    const link = await this.deps.links.read(manager, token);
    const row = link && (await readIncident(manager, link.incident_id));
    if (!link || !row) throw new GoneError('This link was used already, or is too old.');
    return { incident: presentIncident(row as ListedIncident), link };
  }

  /** Acknowledges by a link; it works once. */
  async redeem(token: string, ip: string, request_id: string): Promise<IncidentView> {
    return this.deps.dataSource.transaction(async (manager) => {
      const link = await this.deps.links.redeem(manager, token);
      const row = link && (await readIncident(manager, link.incident_id));
      if (!link || !row) throw new GoneError('This link was used already, or is too old.');
      const actor = { ...systemActor(`link in ${link.channel_name}`), ip, request_id };
      if (row.resolved_at === null && row.acknowledged_at === null) await acknowledge(manager, row.id, actor.name);
      await audit(manager, row, actor, 'acknowledge');
      return presentIncident((await readIncident(manager, row.id)) as ListedIncident);
    });
  }

  async prune(): Promise<void> {
    await pruneIncidents(this.deps.dataSource.manager, { keep_days: KEPT_DAYS });
  }

  private async change(
    id: number,
    { actor, scope }: By,
    verb: string,
    work: (manager: EntityManager, row: ListedIncident) => Promise<void>,
  ): Promise<IncidentDetailView> {
    return this.deps.dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1 FROM alert_incidents WHERE id = $1 FOR UPDATE', [id]);
      const row = (await readIncident(manager, id)) as ListedIncident | null;
      if (row === null || within(row, scope) === null) throw missing(id);
      await work(manager, row);
      await audit(manager, row, actor, verb);
      return this.detail(manager, id, scope);
    });
  }

  private async detail(manager: EntityManager, id: number, scope: ProductScope): Promise<IncidentDetailView> {
    const found = (await readIncident(manager, id)) as ListedIncident | null;
    const row = found && within(found, scope);
    if (row === null) throw missing(id);
    const members = await listMembers(manager, id, scope);
    const timeline = await listEvents(manager, id);
    return {
      ...presentIncident(row),
      members: members.map((member) => ({
        ...member,
        began_at: member.began_at.toISOString(),
        ended_at: member.ended_at?.toISOString() ?? null,
      })),
      timeline: timeline.map((entry) => ({ ...entry, at: entry.at.toISOString() })),
    };
  }
}

/** With those of its products that `scope` has; null when it has none. */
function within(row: ListedIncident, scope: ProductScope): ListedIncident | null {
  if (scope === 'all') return row;
  const products = row.products.filter(({ id }) => scope.includes(id));
  return products.length === 0 ? null : { ...row, products };
}

const missing = (id: number): NotFoundError => new NotFoundError(`There is no incident ${id}.`);

function requireOpen({ id, resolved_at }: Pick<ListedIncident, 'id' | 'resolved_at'>): void {
  if (resolved_at !== null) throw new ConflictError(`Incident ${id} was resolved at ${resolved_at.toISOString()}.`);
}

async function acknowledge(manager: EntityManager, id: number, name: string): Promise<void> {
  await manager.query(
    'UPDATE alert_incidents SET acknowledged_at = now(), acknowledged_by = $2, updated_at = now() WHERE id = $1',
    [id, name],
  );
  await addEvent(manager, id, { at: new Date(), type: 'acknowledged', actor: name, detail: {} });
}

const event = (type: IncidentEvent['type'], actor: Actor, detail: Record<string, unknown>): IncidentEvent => ({
  at: new Date(),
  type,
  actor: actor.name,
  detail,
});

function audit(
  manager: EntityManager,
  { id, title, products }: Pick<ListedIncident, 'id' | 'title' | 'products'>,
  actor: Actor,
  verb: string,
): Promise<void> {
  return recordAudit(manager, {
    actor,
    action: `incident.${verb}`,
    entity_type: 'incident',
    entity_id: id,
    product_id: products.length === 1 ? (products[0]?.id ?? null) : null,
    after: { name: title },
  });
}
