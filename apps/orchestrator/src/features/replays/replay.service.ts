import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { randomUUID } from 'node:crypto';
import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import { validateActions } from '@cortex-mqtt/actions';
import type { DataSource, EntityManager } from 'typeorm';
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../../http/app-error';
import type { UserPrincipal } from '../../http/principal';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { listenerSubscription } from '../listener-config/listener-config.service';
import { wishFaults } from '../messages/message.service';
import type { MessageStore } from '../messages/store/message-store';
import type { SecretBox } from '../secrets/secret-box';
import { applySubscription, sourcesOf, subscriptionSurroundings } from '../subscriptions/subscription-check';
import type { UpdateSubscriptionDto } from '../subscriptions/subscription.dto';
import { newSubscription } from '../subscriptions/subscription.service';
import type { CreateReplayDto, ReplayPreviewView, ReplayTargetDto, ReplayView } from './replay.dto';
import { ReplayEntity, type ReplayPlan, type ReplayState } from './replay.entity';
import { wantedSubscriptions } from './replay-pairs';
import { previewsOf } from './replay-previews';
import { presentReplay } from './replay.presenter';
import { boundsOf, type ReplayReader } from './replay-reader';
import type { ReplayProgress } from './replay-progress';
import { webhookSubscription } from './replay-sample';

const DEFAULT_RATE = 100;
/** With a pace of the past, unless something else is asked for. */
const PACED_RATE = 10_000;
/** A plan counts for this long; what is left is estimated. */
const PLAN_LIMIT_MS = 1_500;
/** A replay of more has to be confirmed with its number. */
const UNCONFIRMED = 10_000;

/** From which states a replay comes into another one. */
const MAY_BECOME: Record<'running' | 'paused' | 'cancelled', readonly ReplayState[]> = {
  running: ['planned', 'paused'],
  paused: ['running'],
  cancelled: ['planned', 'running', 'paused'],
};

export interface ReplayServiceDeps {
  dataSource: DataSource;
  /** Vets what a draft wants parsed, and makes previews. */
  engine: ExpressionEngine;
  store: MessageStore;
  reader: ReplayReader;
  secretBox: SecretBox;
  progress: ReplayProgress;
}

/** Plans replays and steers them; ReplayRunner carries them out. */
export class ReplayService {
  constructor(private readonly deps: ReplayServiceDeps) {}

  async plan(
    product_id: number,
    dto: CreateReplayDto,
    { principal, actor }: { principal: UserPrincipal; actor: Actor },
  ): Promise<ReplayView> {
    const { manager } = this.deps.dataSource;
    const faults = wishFaults(dto.selection).map(({ field, message }) => ({ field: `selection.${field}`, message }));
    if (faults.length > 0) throw new ValidationError(faults);
    if (!principal.may_read_payloads)
      throw new ForbiddenError('A replay takes a grant that includes what messages carry.');
    const target = dto.target ?? {};
    const unfit = targetFaults(target);
    if (unfit.length > 0) throw new ValidationError(unfit);
    if (target.product_id !== undefined && !mayChange(principal, target.product_id)) {
      throw new NotFoundError(`There is no product ${target.product_id}.`);
    }
    const replay = manager.create(ReplayEntity, {
      id: randomUUID(),
      product_id,
      state: 'planned',
      selection: { ...dto.selection },
      only: dto.only ?? 'not_delivered',
      ids: dto.ids ?? 'original',
      rate_per_s: dto.rate_per_s ?? (dto.pace === undefined ? DEFAULT_RATE : PACED_RATE),
      pace: dto.pace ?? null,
      target: { ...target },
      ...boundsOf(dto.selection),
      is_read: false,
      filtered: 0,
      error: null,
      requested_by: actor.name,
      lease_owner: null,
      lease_until: null,
      started_at: null,
      finished_at: null,
    });
    replay.plan = await this.count(replay);
    await this.deps.dataSource.transaction(async (inner) => {
      await inner.save(replay);
      await audit(inner, replay, actor, 'replay.plan', {
        selection: replay.selection,
        only: replay.only,
        ids: replay.ids,
        target: replay.target,
        messages: replay.plan.messages,
      });
    });
    return this.read(product_id, replay.id);
  }

  async list(product_id: number): Promise<ReplayView[]> {
    const replays = await this.deps.dataSource.manager.find(ReplayEntity, {
      where: { product_id },
      order: { created_at: 'DESC' },
      take: 100,
    });
    return Promise.all(
      replays.map(async (replay) => presentReplay(replay, await this.deps.progress.of(replay), [], [])),
    );
  }

  async read(product_id: number, id: string): Promise<ReplayView> {
    const replay = await this.find(product_id, id);
    const { progress } = this.deps;
    const previews = replay.state === 'planned' ? await this.previews(replay) : [];
    return presentReplay(replay, await progress.of(replay), await progress.failures(id), previews);
  }

  async start(product_id: number, id: string, confirmed: number | undefined, actor: Actor): Promise<ReplayView> {
    const { plan } = await this.find(product_id, id);
    if (plan.messages > UNCONFIRMED && confirmed !== plan.messages) {
      throw new ValidationError([
        { field: 'confirm_messages', message: `must be ${plan.messages}, the number of messages of the plan` },
      ]);
    }
    return this.become(product_id, id, 'running', actor);
  }

  become(product_id: number, id: string, state: 'running' | 'paused' | 'cancelled', actor: Actor): Promise<ReplayView> {
    return this.change(product_id, id, actor, `replay.${VERBS[state]}`, (replay) => {
      if (!MAY_BECOME[state].includes(replay.state)) {
        throw new ConflictError(`The replay is ${replay.state}: it can not be ${state} now.`);
      }
      replay.state = state;
      if (state === 'running') replay.started_at ??= new Date();
      if (state === 'cancelled') replay.finished_at = new Date();
    });
  }

  setRate(product_id: number, id: string, rate_per_s: number, actor: Actor): Promise<ReplayView> {
    return this.change(product_id, id, actor, 'replay.rate', (replay) => {
      replay.rate_per_s = rate_per_s;
    });
  }

  /** The subscriptions a replay runs, as they are now. */
  async subscriptionsOf({
    product_id,
    target,
  }: Pick<ReplayEntity, 'product_id' | 'target'>): Promise<ListenerSubscription[]> {
    const { manager } = this.deps.dataSource;
    if (target.url !== undefined) return [webhookSubscription(target.url)];
    const target_id = target.product_id ?? product_id;
    const product = await manager.findOneBy(ProductEntity, { id: target_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id: target_id });
    if (!product || !config) throw new NotFoundError(`There is no product ${target_id}.`);
    if (target.draft !== undefined) return this.draftOf(product, config, target.draft);
    const all = await manager.find(SubscriptionEntity, { where: { mqtt_config_id: config.id }, order: { id: 'ASC' } });
    return all
      .filter(({ id, enabled }) => enabled && (target.subscription_ids?.includes(id) ?? true))
      .flatMap((subscription) => listenerSubscription(product, config, subscription));
  }

  /** As a dry run takes it: whole in the draft, nothing of it saved. */
  private async draftOf(
    product: ProductEntity,
    config: MqttConfigEntity,
    draft: UpdateSubscriptionDto,
  ): Promise<ListenerSubscription[]> {
    const { manager } = this.deps.dataSource;
    const too_much = await this.deps.engine.vet(sourcesOf(draft));
    if (too_much !== null) throw new ValidationError([{ field: 'target.draft', message: too_much }]);
    const subscription = Object.assign(newSubscription(manager, config.id), { id: 0, name: 'draft', topic: '' });
    const { secretBox } = this.deps;
    const surroundings = await subscriptionSurroundings(manager, { product, config, except: null, secretBox });
    const faults = applySubscription(subscription, draft, surroundings);
    if (faults.length > 0) {
      throw new ValidationError(faults.map(({ field, message }) => ({ field: `target.draft.${field}`, message })));
    }
    return listenerSubscription(product, config, subscription);
  }

  private async change(
    product_id: number,
    id: string,
    actor: Actor,
    action: string,
    work: (replay: ReplayEntity) => void,
  ): Promise<ReplayView> {
    await this.deps.dataSource.transaction(async (manager) => {
      const replay = await manager.findOne(ReplayEntity, {
        where: { id, product_id },
        lock: { mode: 'pessimistic_write' },
      });
      if (!replay) throw missing(product_id, id);
      work(replay);
      const { state, rate_per_s, started_at, finished_at } = replay;
      await manager.update(ReplayEntity, { id }, { state, rate_per_s, started_at, finished_at });
      await audit(manager, replay, actor, action, { state, rate_per_s });
    });
    return this.read(product_id, id);
  }

  private async find(product_id: number, id: string): Promise<ReplayEntity> {
    const replay = await this.deps.dataSource.manager.findOneBy(ReplayEntity, { id, product_id });
    if (!replay) throw missing(product_id, id);
    return replay;
  }

  private async previews(replay: ReplayEntity): Promise<ReplayPreviewView[]> {
    return previewsOf(replay, await this.subscriptionsOf(replay), this.deps);
  }

  private async count(replay: ReplayEntity): Promise<ReplayPlan> {
    const { store, reader } = this.deps;
    const subscriptions = await this.subscriptionsOf(replay);
    const shares = new Map(subscriptions.map(({ id, name }) => [id, { id, name, messages: 0 }]));
    const until_ms = Date.now() + PLAN_LIMIT_MS;
    const plan: ReplayPlan = {
      messages: 0,
      deliveries: 0,
      bytes: 0,
      gaps: 0,
      by_subscription: [],
      by_outcome: {},
      seconds: 0,
      exact: true,
    };
    const by_outcome: Record<string, number> = {};
    plan.by_outcome = by_outcome;
    let first_ms: number | null = null;
    let last_ms = 0;
    let last_id = replay.position_id;
    for await (const message of reader.after(replay, replay.position_id)) {
      last_id = message.id;
      const wanted = wantedSubscriptions(message, replay, subscriptions);
      if (wanted.length > 0) {
        plan.messages += 1;
        plan.deliveries += wanted.length;
        plan.bytes += message.payload_bytes;
        for (const { id } of wanted) (shares.get(id) as { messages: number }).messages += 1;
        by_outcome[message.outcome] = (by_outcome[message.outcome] ?? 0) + 1;
        first_ms ??= message.received_at.getTime();
        last_ms = message.received_at.getTime();
      }
      if (Date.now() > until_ms) {
        plan.exact = false;
        break;
      }
    }
    plan.by_subscription = [...shares.values()].filter(({ messages }) => messages > 0);
    const factor = plan.exact ? 1 : await this.estimate(replay, plan, last_id);
    const gaps = await store.gaps(
      replay.product_id,
      replay.selection.from === undefined ? null : new Date(replay.selection.from),
      replay.selection.to === undefined ? null : new Date(replay.selection.to),
    );
    plan.gaps = gaps.length;
    const past_s =
      first_ms === null || replay.pace === null ? 0 : ((last_ms - first_ms) * factor) / 1_000 / replay.pace;
    plan.seconds = Math.ceil(Math.max(plan.deliveries / replay.rate_per_s, past_s) * 10) / 10;
    return plan;
  }

  /** What has been counted, extended to all segments of the selection. */
  private async estimate(
    { product_id, position_id, before_id }: ReplayEntity,
    plan: ReplayPlan,
    last_id: string,
  ): Promise<number> {
    const all = await this.deps.store.messagesBetween(product_id, position_id, before_id);
    const seen = await this.deps.store.messagesBetween(product_id, position_id, last_id);
    const factor = seen > 0 ? Math.max(1, all / seen) : 1;
    plan.messages = Math.round(plan.messages * factor);
    plan.deliveries = Math.round(plan.deliveries * factor);
    plan.bytes = Math.round(plan.bytes * factor);
    for (const share of plan.by_subscription) share.messages = Math.round(share.messages * factor);
    const outcomes = plan.by_outcome ?? {};
    for (const [outcome, messages] of Object.entries(outcomes)) outcomes[outcome] = Math.round(messages * factor);
    return factor;
  }
}

const VERBS = { running: 'start', paused: 'pause', cancelled: 'cancel' } as const;

/** One target, and a webhook as an action would have it. */
function targetFaults({ subscription_ids, product_id, draft, url }: ReplayTargetDto) {
  const given = [draft, url, subscription_ids ?? product_id].filter((one) => one !== undefined);
  if (given.length > 1)
    return [{ field: 'target', message: 'must be one of subscription_ids, product_id, draft, url' }];
  if (url === undefined) return [];
  const { faults } = validateActions([{ type: 'webhook', url }], { field: 'a' });
  return faults.map(({ message }) => ({ field: 'target.url', message }));
}

const missing = (product_id: number, id: string): NotFoundError =>
  new NotFoundError(`Product ${product_id} has no replay ${id}.`);

const mayChange = ({ role, all_products, product_ids }: UserPrincipal, product_id: number): boolean =>
  role !== 'viewer' && (all_products || product_ids.includes(product_id));

async function audit(
  manager: EntityManager,
  replay: ReplayEntity,
  actor: Actor,
  action: string,
  after: Record<string, unknown>,
): Promise<void> {
  await recordAudit(manager, {
    actor,
    action,
    entity_type: 'replay',
    entity_id: replay.id,
    product_id: replay.product_id,
    after,
  });
}
