import { isDeepStrictEqual } from 'node:util';
import { isAllowedQueue, queuesOf } from '@cortex-mqtt/actions';
import type { FieldFault } from '@cortex-mqtt/contracts';
import { transliterate } from 'transliteration';
import { type DataSource, type EntityManager, ILike, In, QueryFailedError } from 'typeorm';
import { containsPattern } from '../../database/contains-pattern';
import type { ProductScope } from '../../http/principal';
import { DEFAULT_ARCHIVE } from '../../model/archive-settings';
import { type ChangeOptions, changeConfiguration, type SessionWatch } from '../../configuration/change-configuration';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import { notifyConfigurationChange } from '../../configuration/configuration-channel';
import { lockConfig } from '../../configuration/revision';
import { newRevisionKey, revisionOf, type Versioned } from '../../configuration/versioned';
import { ConflictError, NotFoundError, ValidationError } from '../../http/app-error';
import { type Page, pageWindow } from '../../http/pagination';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import type { ReadHealth } from '../../model/health-reader';
import type { ProductHealthView } from '../../model/product-health';
import { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { CreateProductDto, ProductListQuery, ProductView, UpdateProductDto } from './product.dto';
import { presentProduct } from './product.presenter';

/** Checks what a change of variables would do to the topics of a product; faults refuse the change. */
export type CheckTopics = (
  manager: EntityManager,
  product: ProductEntity,
  config: MqttConfigEntity,
) => Promise<FieldFault[]>;

export interface ProductServiceDeps {
  dataSource: DataSource;
  readHealth: ReadHealth;
  notifier: ChangeNotifier;
  sessions?: SessionWatch;
  checkTopics: CheckTopics;
  /** Told after commit that products appeared, vanished, or were enabled or disabled. */
  onProductsChanged(): void;
}

export class ProductService {
  constructor(private readonly deps: ProductServiceDeps) {}

  async list(query: ProductListQuery, scope: ProductScope): Promise<Page<ProductView>> {
    const window = pageWindow(query);
    const pattern = query.search ? ILike(containsPattern(query.search)) : undefined;
    const seen = scope === 'all' ? {} : { id: In([...scope]) };
    const [products, total] = await this.deps.dataSource.getRepository(ProductEntity).findAndCount({
      where: pattern
        ? [
            { ...seen, name: pattern },
            { ...seen, slug: pattern },
          ]
        : seen,
      order: { name: 'ASC', id: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    return {
      items: await this.withHealth(products.map(presentProduct)),
      total,
      page: window.page,
      page_size: window.page_size,
    };
  }

  async read(id: number): Promise<Versioned<ProductView>> {
    const product = await this.deps.dataSource.getRepository(ProductEntity).findOneBy({ id });
    const config = await this.deps.dataSource.getRepository(MqttConfigEntity).findOneBy({ product_id: id });
    if (!product || !config) throw new NotFoundError(`There is no product ${id}.`);
    return { value: await this.complete(presentProduct(product)), revision: revisionOf(config) };
  }

  private async complete(product: Omit<ProductView, keyof ProductHealthView>): Promise<ProductView> {
    const [view] = await this.withHealth([product]);
    if (!view) throw new NotFoundError(`There is no product ${product.id}.`);
    return view;
  }

  /** One that was deleted meanwhile is left out. */
  private async withHealth(products: Omit<ProductView, keyof ProductHealthView>[]): Promise<ProductView[]> {
    const healths = await this.deps.readHealth(products.map(({ id }) => id));
    return products.flatMap((product) => {
      const health = healths.get(product.id);
      return health ? [{ ...product, ...health }] : [];
    });
  }

  async create(dto: CreateProductDto, actor: Actor): Promise<Versioned<ProductView>> {
    const slug = dto.slug ?? slugOf(dto.name);
    const variables = checkedVariables(dto.variables ?? {});
    const result = await withUniqueSlug(slug, () =>
      this.deps.dataSource.transaction(async (manager) => {
        const product = await manager.save(
          manager.create(ProductEntity, {
            name: dto.name,
            slug,
            description: dto.description ?? '',
            enabled: dto.enabled ?? true,
            replicas: dto.replicas ?? 1,
            allowed_queues: dto.allowed_queues ?? null,
            variables,
          }),
        );
        const config = await manager.save(
          manager.create(MqttConfigEntity, {
            product_id: product.id,
            revision_key: newRevisionKey(),
            archive: { ...DEFAULT_ARCHIVE },
          }),
        );
        await manager.insert(ConnectionStatusEntity, { product_id: product.id, desired_revision: config.revision });
        const view = presentProduct(product);
        await recordAudit(manager, {
          actor,
          action: 'product.create',
          entity_type: 'product',
          entity_id: product.id,
          product_id: product.id,
          after: { ...view },
        });
        return { value: view, revision: revisionOf(config) };
      }),
    );
    this.deps.onProductsChanged();
    return { ...result, value: await this.complete(result.value) };
  }

  async update(id: number, dto: UpdateProductDto, options: ChangeOptions): Promise<Versioned<ProductView>> {
    const variables = dto.variables === undefined ? undefined : checkedVariables(dto.variables);
    const { result, revision } = await withUniqueSlug(dto.slug ?? '', () =>
      changeConfiguration(this.deps, id, options, async (manager, config) => {
        const product = await manager.findOneByOrFail(ProductEntity, { id });
        const before = presentProduct(product);
        Object.assign(product, definedOnly({ ...dto, variables }));
        const may_change_topics =
          product.slug !== before.slug || !isDeepStrictEqual(product.variables, before.variables);
        const faults = may_change_topics ? await this.deps.checkTopics(manager, product, config) : [];
        if (dto.allowed_queues != null) faults.push(...(await forbiddenQueues(manager, config, dto.allowed_queues)));
        if (faults.length > 0) throw new ValidationError(faults);
        await manager.save(product);
        const after = presentProduct(product);
        return {
          result: after,
          audit: {
            action: 'product.update',
            entity_type: 'product',
            entity_id: id,
            before: { ...before },
            after: { ...after },
          },
        };
      }),
    );
    this.deps.onProductsChanged();
    return { value: await this.complete(result), revision };
  }

  async delete(id: number, options: ChangeOptions): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      await lockConfig(manager, id, options.expected_revision);
      const product = await manager.findOneByOrFail(ProductEntity, { id });
      await recordAudit(manager, {
        actor: options.actor,
        action: 'product.delete',
        entity_type: 'product',
        entity_id: id,
        product_id: id,
        before: { ...presentProduct(product) },
      });
      await this.deps.sessions?.leaveAll(manager, id);
      await manager.delete(ProductEntity, { id });
      await notifyConfigurationChange(manager, id);
    });
    this.deps.onProductsChanged();
  }
}

/** Subscriptions that add jobs to queues which are no longer allowed. */
async function forbiddenQueues(
  manager: EntityManager,
  config: MqttConfigEntity,
  allowed: readonly string[],
): Promise<FieldFault[]> {
  const subscriptions = await manager.findBy(SubscriptionEntity, { mqtt_config_id: config.id });
  return subscriptions.flatMap(({ name, actions }) =>
    queuesOf(actions)
      .filter((queue) => !isAllowedQueue(queue, allowed))
      .map((queue) => ({
        field: 'allowed_queues',
        message: `must include ${queue}, which subscription "${name}" uses`,
      })),
  );
}

/** `Order Desk (EU)` → `order-desk-eu`, `Überwachung` → `uberwachung`, `東京工場` → `dong-jing-gong-chang`. */
export function slugOf(name: string): string {
  const slug = transliterate(name)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  // A name of signs alone, such as 🏭.
  return slug || 'product';
}

export function checkedVariables(variables: Record<string, string>): Record<string, string> {
  const faults: FieldFault[] = [];
  for (const [name, value] of Object.entries(variables)) {
    const field = `variables.${name}`;
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) {
      faults.push({ field, message: 'has a name that is not 1–64 of A-Z a-z 0-9 _, beginning with a letter or _' });
    } else if (typeof value !== 'string' || value === '') {
      faults.push({ field, message: 'must be a text that is not empty' });
    } else if (/[/+#\0]/.test(value)) {
      faults.push({ field, message: 'must not contain / + # or the null character: it fills one topic level' });
    } else if (value.length > 1_000) {
      faults.push({ field, message: 'must have at most 1000 characters' });
    }
  }
  if (Object.keys(variables).length > 100) faults.push({ field: 'variables', message: 'may be at most 100' });
  if (faults.length > 0) throw new ValidationError(faults);
  return variables;
}

async function withUniqueSlug<T>(slug: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueryFailedError && error.driverError?.constraint === 'uq_products_slug') {
      throw new ConflictError(`There is a product with the slug ${slug} already.`, [
        { field: 'slug', message: 'is taken by another product' },
      ]);
    }
    throw error;
  }
}

function definedOnly<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
