import { In, type DataSource, type EntityManager, type EntityTarget, type ObjectLiteral } from 'typeorm';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';

/** A product with all that a document says about it, as it is stored. */
export interface ProductSnapshot {
  product: ProductEntity;
  config: MqttConfigEntity;
  /** In order of preference. */
  brokers: MqttBrokerEntity[];
  secrets: ProductSecretEntity[];
  subscriptions: SubscriptionEntity[];
}

/** Snapshots of these products, of all when `product_ids` is absent, in five queries; in order of their slugs. */
export async function loadSnapshots(
  manager: EntityManager,
  product_ids?: readonly number[],
): Promise<ProductSnapshot[]> {
  const where = product_ids === undefined ? {} : { product_id: In(product_ids) };
  const products = await manager.find(ProductEntity, {
    where: product_ids === undefined ? {} : { id: In(product_ids) },
  });
  const configs = await manager.find(MqttConfigEntity, { where });
  const brokers = await manager.find(MqttBrokerEntity, { where, order: { position: 'ASC', id: 'ASC' } });
  const secrets = await manager.find(ProductSecretEntity, { where });
  const subscriptions = await manager.find(SubscriptionEntity, {
    where: product_ids === undefined ? {} : { mqtt_config_id: In(configs.map(({ id }) => id)) },
    order: { id: 'ASC' },
  });
  const config_of = new Map(configs.map((config) => [config.product_id, config]));
  const brokers_of = grouped(brokers, byProduct);
  const secrets_of = grouped(secrets, byProduct);
  const subscriptions_of = grouped(subscriptions, ({ mqtt_config_id }) => mqtt_config_id);
  return products
    .flatMap((product) => {
      const config = config_of.get(product.id);
      if (config === undefined) return [];
      return [
        {
          product,
          config,
          brokers: brokers_of.get(product.id) ?? [],
          secrets: secrets_of.get(product.id) ?? [],
          subscriptions: subscriptions_of.get(config.id) ?? [],
        },
      ];
    })
    .sort((one, other) => byCodePoints(one.product.slug, other.product.slug));
}

const byProduct = ({ product_id }: { product_id: number }): number => product_id;

function grouped<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** The same order on every machine, whatever its language. */
export function byCodePoints(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

const fresh = new WeakMap<object, ObjectLiteral>();

/** A row as an INSERT without values would make it; nothing is written. */
export function freshRow<T extends ObjectLiteral>(dataSource: DataSource, entity: new () => T): T {
  const template = fresh.get(entity) ?? freshTemplate(dataSource, entity);
  fresh.set(entity, template);
  return copyRow(template) as T;
}

function freshTemplate<T extends ObjectLiteral>(dataSource: DataSource, entity: EntityTarget<T>): T {
  const metadata = dataSource.getMetadata(entity);
  const row = metadata.create() as T;
  for (const column of metadata.columns) {
    if (column.isGenerated || column.isCreateDate || column.isUpdateDate) continue;
    if (column.default === undefined || column.default === null) {
      if (column.isNullable) Object.assign(row, { [column.propertyName]: null });
    } else if (typeof column.default !== 'function') {
      Object.assign(row, { [column.propertyName]: structuredClone(column.default) });
    }
  }
  return row;
}

/** A copy whose fields can be changed without a trace in the original. */
export function copyRow<T extends object>(row: T): T {
  const copy = Object.create(Object.getPrototypeOf(row)) as T;
  for (const [field, value] of Object.entries(row)) {
    Object.assign(copy, { [field]: typeof value === 'object' && value !== null ? structuredClone(value) : value });
  }
  return copy;
}
