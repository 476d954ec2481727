import { type DataSource, type EntityManager, ILike, QueryFailedError } from 'typeorm';
import { containsPattern } from '../../database/contains-pattern';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { type Page, pageWindow } from '../../http/pagination';
import type { ProductScope } from '../../http/principal';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { type ChangeOptions, changeConfiguration } from '../../configuration/change-configuration';
import { ProductEntity } from '../../model/product.entity';
import { revisionOf, type Versioned } from '../../configuration/versioned';
import type { Revision } from '../../http/etag';
import type { CreateSubscriptionDto, SubscriptionListQuery, UpdateSubscriptionDto } from './subscription.dto';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { presentSubscription } from './subscription.presenter';
import type { FoundSubscriptionView, SubscriptionView } from './subscription.view';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { SecretBox } from '../secrets/secret-box';
import { applySubscription, sourcesOf, subscriptionSurroundings } from './subscription-check';

export interface SubscriptionServiceDeps {
  dataSource: DataSource;
  notifier: ChangeNotifier;
  secretBox: SecretBox;
  /** Vets what a request wants parsed. */
  engine: Pick<ExpressionEngine, 'vet'>;
}

export class SubscriptionService {
  constructor(private readonly deps: SubscriptionServiceDeps) {}

  async list(
    product_id: number,
    query: SubscriptionListQuery,
  ): Promise<Page<SubscriptionView> & { revision: Revision }> {
    const { product, config } = await this.surroundings(this.deps.dataSource.manager, product_id);
    const window = pageWindow(query);
    const pattern = query.search ? ILike(containsPattern(query.search)) : undefined;
    const own = { mqtt_config_id: config.id };
    const [subscriptions, total] = await this.deps.dataSource.getRepository(SubscriptionEntity).findAndCount({
      where: pattern
        ? [
            { ...own, name: pattern },
            { ...own, topic: pattern },
          ]
        : own,
      order: { id: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    return {
      items: subscriptions.map((subscription) => presentSubscription(product, config, subscription)),
      total,
      page: window.page,
      page_size: window.page_size,
      revision: revisionOf(config),
    };
  }

  /** Subscriptions of all products whose name or topic contains `search`, by name. */
  async find(query: SubscriptionListQuery, scope: ProductScope): Promise<Page<FoundSubscriptionView>> {
    const { page, page_size, skip } = pageWindow(query);
    const where =
      'FROM mqtt_subscriptions s JOIN mqtt_configs c ON c.id = s.mqtt_config_id ' +
      'WHERE (s.name ILIKE $1 OR s.topic ILIKE $1) AND ($2::int[] IS NULL OR c.product_id = ANY ($2))';
    const parameters = [containsPattern(query.search ?? ''), scope === 'all' ? null : scope];
    const { dataSource } = this.deps;
    const [counted] = await dataSource.query<{ total: number }[]>(`SELECT count(*)::int AS total ${where}`, parameters);
    const items = await dataSource.query<FoundSubscriptionView[]>(
      `SELECT found.*, p.name AS product_name FROM (
         SELECT s.id, s.name, s.topic, s.enabled, c.product_id ${where} ORDER BY s.name, s.id LIMIT $3 OFFSET $4
       ) found JOIN products p ON p.id = found.product_id ORDER BY found.name, found.id`,
      [...parameters, page_size, skip],
    );
    return { items, total: counted?.total ?? 0, page, page_size };
  }

  async read(product_id: number, id: number): Promise<Versioned<SubscriptionView>> {
    const { manager } = this.deps.dataSource;
    const { product, config } = await this.surroundings(manager, product_id);
    const subscription = await findSubscription(manager, config, id);
    return { value: presentSubscription(product, config, subscription), revision: revisionOf(config) };
  }

  async create(
    product_id: number,
    dto: CreateSubscriptionDto,
    options: ChangeOptions,
  ): Promise<Versioned<SubscriptionView>> {
    return this.write(product_id, dto, options, async (manager, config) => newSubscription(manager, config.id));
  }

  async update(
    product_id: number,
    id: number,
    dto: UpdateSubscriptionDto,
    options: ChangeOptions,
  ): Promise<Versioned<SubscriptionView>> {
    return this.write(product_id, dto, options, (manager, config) => findSubscription(manager, config, id));
  }

  async delete(product_id: number, id: number, options: ChangeOptions): Promise<Revision> {
    const { revision } = await changeConfiguration(this.deps, product_id, options, async (manager, config) => {
      const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
      const subscription = await findSubscription(manager, config, id);
      await manager.delete(SubscriptionEntity, { id });
      return {
        result: undefined,
        audit: {
          action: 'mqtt_subscription.delete',
          entity_type: 'mqtt_subscription',
          entity_id: id,
          before: auditFields(presentSubscription(product, config, subscription)),
        },
      };
    });
    return revision;
  }

  /** Create and update are one path: take or make the row, put the fields on it, check all, save, audit, raise. */
  private async write(
    product_id: number,
    dto: UpdateSubscriptionDto,
    options: ChangeOptions,
    obtain: (manager: EntityManager, config: MqttConfigEntity) => Promise<SubscriptionEntity>,
  ): Promise<Versioned<SubscriptionView>> {
    const too_much = await this.deps.engine.vet(sourcesOf(dto));
    if (too_much !== null) throw new ValidationError([{ field: 'actions', message: too_much }]);
    const { result, revision } = await withUniqueName(() =>
      changeConfiguration(this.deps, product_id, options, async (manager, config) => {
        const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
        const subscription = await obtain(manager, config);
        const isNew = subscription.id === undefined;
        const before = isNew ? null : auditFields(presentSubscription(product, config, subscription));
        const surroundings = await subscriptionSurroundings(manager, {
          product,
          config,
          except: isNew ? null : subscription.id,
          secretBox: this.deps.secretBox,
        });
        const faults = applySubscription(subscription, dto, surroundings);
        if (faults.length > 0) throw new ValidationError(faults);
        await manager.save(subscription);
        const value = presentSubscription(product, config, subscription);
        return {
          result: value,
          audit: {
            action: isNew ? 'mqtt_subscription.create' : 'mqtt_subscription.update',
            entity_type: 'mqtt_subscription',
            entity_id: subscription.id,
            before,
            after: auditFields(value),
          },
        };
      }),
    );
    return { value: result, revision };
  }

  private async surroundings(manager: EntityManager, product_id: number) {
    const product = await manager.findOneBy(ProductEntity, { id: product_id });
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    if (!product || !config) throw new NotFoundError(`There is no product ${product_id}.`);
    return { product, config };
  }
}

/** A subscription with every default, not saved. */
export function newSubscription(manager: EntityManager, mqtt_config_id: number): SubscriptionEntity {
  return manager.create(SubscriptionEntity, {
    mqtt_config_id,
    absolute_topic: false,
    enabled: true,
    description: '',
    actions: [],
    qos: null,
    payload_format: 'json',
    filter: null,
    message_key: null,
    concurrency: null,
    ordering: 'none',
    messages_received: 0,
    actions_executed: 0,
    actions_failed: 0,
  });
}

export async function findSubscription(
  manager: EntityManager,
  config: MqttConfigEntity,
  id: number,
): Promise<SubscriptionEntity> {
  const subscription = await manager.findOneBy(SubscriptionEntity, { id, mqtt_config_id: config.id });
  if (!subscription) throw new NotFoundError(`Product ${config.product_id} has no subscription ${id}.`);
  return subscription;
}

/** Counters change by themselves: they are not part of what a person did. */
export function auditFields(view: SubscriptionView): Record<string, unknown> {
  const {
    messages_received,
    last_message_at,
    actions_attempted,
    actions_executed,
    actions_failed,
    created_at,
    updated_at,
    ...fields
  } = view;
  return { ...fields };
}

export async function withUniqueName<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueryFailedError && error.driverError?.constraint === 'uq_mqtt_subscriptions_name') {
      throw new ConflictError('The product has a subscription of this name already.', [
        { field: 'name', message: 'is taken by another subscription of this product' },
      ]);
    }
    throw error;
  }
}
