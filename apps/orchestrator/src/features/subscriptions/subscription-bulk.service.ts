import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FieldFault } from '@cortex-mqtt/contracts';
import type { EntityManager } from 'typeorm';
import { type ChangeOptions, type ChangeRecord, changeConfiguration } from '../../configuration/change-configuration';
import type { Versioned } from '../../configuration/versioned';
import { NotFoundError, ValidationError } from '../../http/app-error';
import { reportedBrokerLimits } from '../../model/broker-limits';
import type { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { type BulkSubscriptionsDto, type BulkSubscriptionsView, MAX_BULK_CHANGES } from './subscription-bulk.dto';
import { applySubscription, siblingOf, sourcesOf, usableSecrets } from './subscription-check';
import type { UpdateSubscriptionDto } from './subscription.dto';
import { presentSubscription } from './subscription.presenter';
import { auditFields, newSubscription, type SubscriptionServiceDeps, withUniqueName } from './subscription.service';

/** What is checked before other requests get their turn: a thousand at once would hold up everybody for seconds. */
const CHECKED_IN_A_ROW = 20;
/** Faults that are named: nobody reads more. */
const MAX_NAMED_FAULTS = 100;
/** Texts that are vetted together: the bounds of a request hold for each of these parts. */
const VETTED_TOGETHER = 50;

/** One subscription that is to be written, and where the request speaks of it. */
interface Planned {
  field: string;
  dto: UpdateSubscriptionDto;
  subscription: SubscriptionEntity;
  before: Record<string, unknown> | null;
}

/** Up to 1,000 subscriptions created, changed and deleted in one transaction and one revision. */
export class SubscriptionBulkService {
  constructor(private readonly deps: SubscriptionServiceDeps) {}

  /** Rejects with ValidationError that names each faulty field (`create[3].topic`); then nothing was changed. */
  async change(
    product_id: number,
    dto: BulkSubscriptionsDto,
    options: ChangeOptions,
  ): Promise<Versioned<BulkSubscriptionsView>> {
    checkSize(dto);
    await this.vet(dto);
    const { result, revision } = await withUniqueName(() =>
      changeConfiguration(this.deps, product_id, options, (manager, config) =>
        this.write(manager, { product_id, config, dto }),
      ),
    );
    return { value: result, revision };
  }

  private async vet({ create = [], update = [] }: BulkSubscriptionsDto): Promise<void> {
    const all = [...update, ...create];
    for (let from = 0; from < all.length; from += VETTED_TOGETHER) {
      const sources = all.slice(from, from + VETTED_TOGETHER).map(sourcesOf);
      const too_much = await this.deps.engine.vet({
        expressions: sources.flatMap(({ expressions }) => expressions),
        templates: sources.flatMap(({ templates }) => templates),
      });
      if (too_much !== null) throw new ValidationError([{ field: '', message: too_much }]);
    }
  }

  private async write(
    manager: EntityManager,
    { product_id, config, dto }: { product_id: number; config: MqttConfigEntity; dto: BulkSubscriptionsDto },
  ) {
    const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
    const known = await manager.find(SubscriptionEntity, { where: { mqtt_config_id: config.id } });
    const byId = new Map(known.map((subscription) => [subscription.id, subscription]));
    const deleted = (dto.delete ?? []).map((id) => existing(byId, product_id, id));
    const view = (subscription: SubscriptionEntity) => presentSubscription(product, config, subscription);
    const updates = (dto.update ?? []).map(({ id, ...fields }, index): Planned => {
      const subscription = existing(byId, product_id, id);
      return { field: `update[${index}]`, dto: fields, subscription, before: auditFields(view(subscription)) };
    });
    const creations = (dto.create ?? []).map(
      (fields, index): Planned => ({
        field: `create[${index}]`,
        dto: fields,
        subscription: newSubscription(manager, config.id),
        before: null,
      }),
    );
    const planned = [...updates, ...creations];
    const touched = new Set([...deleted, ...updates.map(({ subscription }) => subscription)]);
    const untouched = known.filter((subscription) => !touched.has(subscription));
    await this.check(manager, { product, config, untouched, planned });

    if (deleted.length > 0)
      await manager.delete(
        SubscriptionEntity,
        deleted.map(({ id }) => id),
      );
    await manager.save(updates.map(({ subscription }) => subscription));
    await insertAll(
      manager,
      creations.map(({ subscription }) => subscription),
    );
    const entity_type = 'mqtt_subscription';
    const audit: ChangeRecord[] = [
      ...deleted.map((subscription) => ({
        action: 'mqtt_subscription.delete',
        entity_type,
        entity_id: subscription.id,
        before: auditFields(view(subscription)),
      })),
      ...planned.map(({ subscription, before }) => ({
        action: before === null ? 'mqtt_subscription.create' : 'mqtt_subscription.update',
        entity_type,
        entity_id: subscription.id,
        before,
        after: auditFields(view(subscription)),
      })),
    ];
    const result: BulkSubscriptionsView = {
      deleted: deleted.map(({ id }) => id),
      updated: updates.map(({ subscription }) => view(subscription)),
      created: creations.map(({ subscription }) => view(subscription)),
    };
    return { result, audit };
  }

  /** Puts the fields on the subscriptions and checks each against those that stay and those before it. */
  private async check(
    manager: EntityManager,
    {
      product,
      config,
      untouched,
      planned,
    }: { product: ProductEntity; config: MqttConfigEntity; untouched: SubscriptionEntity[]; planned: Planned[] },
  ): Promise<void> {
    const secrets = await usableSecrets(manager, product.id, this.deps.secretBox);
    const broker = await reportedBrokerLimits(manager, product.id);
    const names = new Set(untouched.map(({ name }) => name));
    const siblings = untouched.filter(({ enabled }) => enabled).flatMap((other) => siblingOf(product, config, other));
    const faults: FieldFault[] = [];
    for (const [index, { field, dto, subscription }] of planned.entries()) {
      if (index % CHECKED_IN_A_ROW === CHECKED_IN_A_ROW - 1) await nextTurn();
      const found = applySubscription(subscription, dto, { product, config, ...secrets, siblings, broker });
      if (names.has(subscription.name))
        found.push({ field: 'name', message: 'is taken by another subscription of this product' });
      names.add(subscription.name);
      faults.push(...found.map((fault) => ({ ...fault, field: `${field}.${fault.field}` })));
      if (faults.length >= MAX_NAMED_FAULTS) break;
      if (found.length === 0 && subscription.enabled) siblings.push(...siblingOf(product, config, subscription));
    }
    if (faults.length > 0) throw new ValidationError(faults.slice(0, MAX_NAMED_FAULTS));
  }
}

function checkSize({ create = [], update = [], delete: deleted = [] }: BulkSubscriptionsDto): void {
  const changes = create.length + update.length + deleted.length;
  const fault = (message: string) => new ValidationError([{ field: '', message }]);
  if (changes === 0) throw fault('has nothing to do: give create, update or delete');
  if (changes > MAX_BULK_CHANGES) throw fault(`holds ${changes} changes; ${MAX_BULK_CHANGES} at most in one request`);
  const kept = new Set(update.map(({ id }) => id));
  const both = deleted.findIndex((id) => kept.has(id));
  if (both >= 0)
    throw new ValidationError([{ field: `delete[${both}]`, message: `${deleted[both]} is in update as well` }]);
}

function existing(byId: ReadonlyMap<number, SubscriptionEntity>, product_id: number, id: number): SubscriptionEntity {
  const subscription = byId.get(id);
  if (!subscription) throw new NotFoundError(`Product ${product_id} has no subscription ${id}.`);
  return subscription;
}

/** Few statements instead of one a row; the rows come back with ids and times. */
async function insertAll(manager: EntityManager, subscriptions: SubscriptionEntity[]): Promise<void> {
  for (let from = 0; from < subscriptions.length; from += 500)
    await manager.insert(SubscriptionEntity, subscriptions.slice(from, from + 500));
}
