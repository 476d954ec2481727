import type { ExpectedRevisions } from '../../../http/etag';
import { KIND_INFO, type RuleKind } from '@cortex-mqtt/alerting';
import type { FieldFault } from '@cortex-mqtt/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { NotFoundError, ValidationError } from '../../../http/app-error';
import { type Page, pageWindow } from '../../../http/pagination';
import type { ProductScope } from '../../../http/principal';
import { type Actor, recordAudit } from '../../audit/audit-trail';
import { isTimeZone, labelFaults, requireGrants, requireRevision } from '../model/write-checks';
import { AlertChannelEntity } from '../model/alert-channel.entity';
import type {
  AlertRuleListQuery,
  AlertRuleView,
  CreateAlertRuleDto,
  PreviewAlertRuleDto,
  RuleStatesView,
} from './alert-rule.dto';
import { AlertRuleEntity } from '../model/alert-rule.entity';
import { productOfSubscription, ruleStates } from './alert-rule.store';

export interface RuleWriteOptions {
  actor: Actor;
  scope: ProductScope;
  expected_revision: ExpectedRevisions | undefined;
}

export interface WrittenRule {
  value: AlertRuleView;
  revision: number;
}

const NO_STATES: RuleStatesView = { firing: 0, pending: 0, recovering: 0, no_data: 0 };

/** What is watched. */
export class AlertRuleService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async list(query: AlertRuleListQuery, scope: ProductScope): Promise<Page<AlertRuleView>> {
    const { manager } = this.deps.dataSource;
    const window = pageWindow(query);
    const builder = manager.createQueryBuilder(AlertRuleEntity, 'rule').orderBy('rule.name').addOrderBy('rule.id');
    if (query.kind !== undefined) builder.andWhere('rule.kind = :kind', { kind: query.kind });
    if (query.product_id !== undefined) {
      builder.andWhere('(rule.all_products OR rule.product_ids @> to_jsonb(:product_id::int))', {
        product_id: query.product_id,
      });
    }
    if (scope !== 'all') {
      builder.andWhere(
        '(rule.all_products OR EXISTS (SELECT 1 FROM jsonb_array_elements(rule.product_ids) e WHERE e::int = ANY(:scope::int[])))',
        { scope },
      );
    }
    const [rules, total] = await builder.skip(window.skip).take(window.take).getManyAndCount();
    const states = await ruleStates(
      manager,
      rules.map(({ id }) => id),
    );
    return {
      items: rules.map((rule) => presentRule(rule, states.get(rule.id))),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  async read(id: number, scope: ProductScope): Promise<WrittenRule> {
    const { manager } = this.deps.dataSource;
    const rule = await manager.findOneBy(AlertRuleEntity, { id });
    if (!rule || !isSeen(rule, scope)) throw missing(id);
    return { value: presentRule(rule, (await ruleStates(manager, [id])).get(id)), revision: rule.revision };
  }

  create(dto: CreateAlertRuleDto, options: RuleWriteOptions): Promise<WrittenRule> {
    return this.deps.dataSource.transaction(async (manager) => {
      const rule = await completeRule(manager, null, dto);
      requireGrants(rule, options.scope);
      rule.revision = 1;
      await manager.save(rule);
      await this.audit(manager, rule, options.actor, { verb: 'create', before: null });
      return { value: presentRule(rule, undefined), revision: rule.revision };
    });
  }

  update(id: number, dto: Partial<CreateAlertRuleDto>, options: RuleWriteOptions): Promise<WrittenRule> {
    return this.deps.dataSource.transaction(async (manager) => {
      const stored = await this.lock(manager, id, options);
      const before = auditOf(stored);
      const rule = await completeRule(manager, stored, dto);
      requireGrants(rule, options.scope);
      rule.revision += 1;
      await manager.save(rule);
      await this.audit(manager, rule, options.actor, { verb: 'update', before });
      return { value: presentRule(rule, (await ruleStates(manager, [id])).get(id)), revision: rule.revision };
    });
  }

  async delete(id: number, options: RuleWriteOptions): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const rule = await this.lock(manager, id, options);
      const before = auditOf(rule);
      await manager.delete(AlertRuleEntity, { id });
      await recordAudit(manager, {
        actor: options.actor,
        action: 'alert_rule.delete',
        entity_type: 'alert_rule',
        entity_id: id,
        product_id: productOf(rule),
        before,
      });
    });
  }

  /** A rule that is not stored, for a preview. */
  async draft({ from, to, ...dto }: PreviewAlertRuleDto): Promise<AlertRuleEntity> {
    const rule = await completeRule(this.deps.dataSource.manager, null, { name: KIND_INFO[dto.kind].title, ...dto });
    rule.id = 0;
    return rule;
  }

  private async lock(
    manager: EntityManager,
    id: number,
    { scope, expected_revision }: RuleWriteOptions,
  ): Promise<AlertRuleEntity> {
    const rule = await manager.findOne(AlertRuleEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
    if (!rule || !isSeen(rule, scope)) throw missing(id);
    requireGrants(rule, scope);
    requireRevision(rule, expected_revision);
    return rule;
  }

  private async audit(
    manager: EntityManager,
    rule: AlertRuleEntity,
    actor: Actor,
    { verb, before }: { verb: string; before: Record<string, unknown> | null },
  ): Promise<void> {
    await recordAudit(manager, {
      actor,
      action: `alert_rule.${verb}`,
      entity_type: 'alert_rule',
      entity_id: rule.id,
      product_id: productOf(rule),
      before,
      after: auditOf(rule),
    });
  }
}

const missing = (id: number): NotFoundError => new NotFoundError(`There is no alert rule ${id}.`);
const productOf = ({ all_products, product_ids }: AlertRuleEntity): number | null =>
  !all_products && product_ids.length === 1 ? (product_ids[0] ?? null) : null;

const isSeen = (
  { all_products, product_ids }: Pick<AlertRuleEntity, 'all_products' | 'product_ids'>,
  scope: ProductScope,
): boolean => scope === 'all' || all_products || product_ids.some((id) => scope.includes(id));

async function completeRule(
  manager: EntityManager,
  stored: AlertRuleEntity | null,
  dto: Partial<CreateAlertRuleDto>,
): Promise<AlertRuleEntity> {
  const kind = stored?.kind ?? (dto.kind as RuleKind);
  const usual = KIND_INFO[kind];
  const rule =
    stored ??
    manager.create(AlertRuleEntity, {
      kind,
      enabled: true,
      all_products: dto.product_ids === undefined && dto.subscription_id == null,
      product_ids: [],
      subscription_id: null,
      threshold: usual.threshold,
      resolve_threshold: null,
      window_s: usual.window_s,
      min_count: 0,
      for_s: 60,
      keep_firing_for_s: 300,
      severity: 'warning',
      severity_steps: [],
      no_data: 'ignore',
      topic_parameter: null,
      usual_gap_factor: null,
      active_hours: null,
      runbook_url: null,
      labels: {},
      channel_ids: [],
    });
  Object.assign(rule, Object.fromEntries(Object.entries(dto).filter(([, value]) => value !== undefined)));
  // Stored as plain JSON, not as instances of a DTO.
  rule.severity_steps = rule.severity_steps.map(({ threshold, severity }) => ({ threshold, severity }));
  if (rule.active_hours) rule.active_hours = { ...rule.active_hours };
  if (dto.product_ids !== undefined && dto.product_ids.length > 0 && dto.all_products === undefined)
    rule.all_products = false;
  if (rule.subscription_id !== null) {
    const product_id = await productOfSubscription(manager, rule.subscription_id);
    if (product_id === null) throw new ValidationError([{ field: 'subscription_id', message: 'is no subscription' }]);
    rule.all_products = false;
    rule.product_ids = [product_id];
  }
  const faults = [...ruleFaults(rule), ...(await channelFaults(manager, rule.channel_ids))];
  if (faults.length > 0) throw new ValidationError(faults);
  return rule;
}

function ruleFaults(rule: AlertRuleEntity): FieldFault[] {
  const { kind, threshold, resolve_threshold, all_products, product_ids, window_s, active_hours } = rule;
  const { unit, bad, window_s: usual_window_s } = KIND_INFO[kind];
  const faults: FieldFault[] = [...labelFaults(rule.labels)];
  const refuse = (field: string, message: string) => faults.push({ field, message });
  if (!all_products && product_ids.length === 0)
    refuse('product_ids', 'must name a product, or all_products must be true');
  if (unit === 'share' && (threshold < 0 || threshold >= 1)) refuse('threshold', 'must be a share from 0 to 1');
  if (threshold < 0) refuse('threshold', 'must not be negative');
  if (kind === 'silence' && rule.usual_gap_factor === null && threshold < 1)
    refuse('threshold', 'must be at least 1 second');
  if (resolve_threshold !== null && (bad === 'above' ? resolve_threshold > threshold : resolve_threshold < threshold)) {
    refuse('resolve_threshold', 'must be on the good side of threshold');
  }
  if (usual_window_s > 0 && window_s < 10) refuse('window_s', 'must be at least 10 seconds for this kind');
  if (kind !== 'silence') {
    for (const field of ['subscription_id', 'topic_parameter', 'usual_gap_factor', 'active_hours'] as const) {
      if (rule[field] !== null) refuse(field, 'is for rules of kind silence');
    }
  }
  if (active_hours !== null && !isTimeZone(active_hours.timezone))
    refuse('active_hours.timezone', 'is no time zone, such as Europe/Berlin');
  return faults;
}

async function channelFaults(manager: EntityManager, ids: readonly number[]): Promise<FieldFault[]> {
  if (ids.length === 0) return [];
  const known = new Set((await manager.find(AlertChannelEntity, { select: { id: true } })).map(({ id }) => id));
  return ids.flatMap((id, index) =>
    known.has(id) ? [] : [{ field: `channel_ids[${index}]`, message: 'is no alert channel' }],
  );
}

function presentRule(
  { revision, created_at, updated_at, ...rule }: AlertRuleEntity,
  states: RuleStatesView | undefined,
): AlertRuleView {
  return {
    ...rule,
    unit: KIND_INFO[rule.kind].unit,
    states: states ?? NO_STATES,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

function auditOf({ id, revision, created_at, updated_at, ...fields }: AlertRuleEntity): Record<string, unknown> {
  return { ...fields };
}
