import { isDeepStrictEqual } from 'node:util';
import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { raiseRevision } from '../../configuration/revision';
import { ConflictError } from '../../http/app-error';
import type { BrokerColumns } from '../../model/broker-columns';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { ProductEntity } from '../../model/product.entity';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { type Actor, recordAudit } from '../audit/audit-trail';
import { auditFields as brokerAudit } from '../brokers/broker.service';
import { furtherSecretPlace, primarySecretPlace } from '../brokers/broker-secrets';
import { BROKER_SECRET_NAMES, type BrokerSecretName } from '../../model/broker-field-table';
import { auditFields as configAudit } from '../mqtt-config/mqtt-config.service';
import { presentProduct } from '../products/product.presenter';
import { type SecretBox, secretPlace } from '../secrets/secret-box';
import { auditFields as subscriptionAudit } from '../subscriptions/subscription.service';
import { presentSubscription } from '../subscriptions/subscription.presenter';
import { Unsealed } from './change-product';
import type { ProductSnapshot } from './product-snapshot';

type Fields = Record<string, unknown>;

interface SaveDeps {
  manager: EntityManager;
  secretBox: Pick<SecretBox, 'seal'>;
  actor: Actor;
}

/**
 * Writes what differs between two snapshots, with one audit row a thing and one new revision. The config row of `before` must be
 * locked. Answers the new revision.
 */
export async function saveProduct(
  before: ProductSnapshot | null,
  next: ProductSnapshot,
  deps: SaveDeps,
): Promise<number> {
  return new Saving(before, next, deps).run();
}

class Saving {
  private product_id = 0;

  constructor(
    private readonly before: ProductSnapshot | null,
    private readonly next: ProductSnapshot,
    private readonly deps: SaveDeps,
  ) {}

  async run(): Promise<number> {
    const { before, next, deps } = this;
    const { manager } = deps;
    // What goes makes room for the names of what comes.
    await this.remove(SubscriptionEntity, 'mqtt_subscription', before?.subscriptions, next.subscriptions, (row) =>
      this.subscriptionFields(row, before ?? next),
    );
    await this.remove(MqttBrokerEntity, 'mqtt_broker', before?.brokers, next.brokers, brokerAudit);
    await manager.save(next.product);
    this.product_id = next.product.id;
    await this.audit('product', next.product.id, before && { ...presentProduct(before.product) }, {
      ...presentProduct(next.product),
    });
    await this.config();
    for (const broker of next.brokers) await this.broker(broker);
    for (const secret of next.secrets) await this.secret(secret);
    for (const subscription of next.subscriptions) {
      subscription.mqtt_config_id = next.config.id;
      const old = before?.subscriptions.find(({ id }) => id === subscription.id);
      if (old && same(old, subscription)) continue;
      await manager.save(subscription);
      await this.audit(
        'mqtt_subscription',
        subscription.id,
        old && before ? this.subscriptionFields(old, before) : null,
        this.subscriptionFields(subscription, next),
      );
    }
    await this.remove(ProductSecretEntity, 'product_secret', before?.secrets, next.secrets, ({ name }) => ({ name }));
    const { number } = await raiseRevision(manager, next.config);
    return number;
  }

  private async config(): Promise<void> {
    const { before, next, deps } = this;
    const { config } = next;
    config.product_id = this.product_id;
    seal(config, (plain, column) => deps.secretBox.seal(plain, primarySecretPlace(this.product_id, column)));
    if (before && same(before.config, config)) return;
    await deps.manager.save(config);
    if (before === null) {
      await deps.manager.insert(ConnectionStatusEntity, {
        product_id: this.product_id,
        desired_revision: config.revision,
      });
      return;
    }
    await this.audit('mqtt_config', config.id, configAudit(before.config), configAudit(config));
  }

  private async broker(broker: MqttBrokerEntity): Promise<void> {
    const { before, deps } = this;
    broker.product_id = this.product_id;
    const old = before?.brokers.find(({ id }) => id === broker.id);
    if (broker.id === undefined) {
      // The id comes first: it is part of the place that the secrets are sealed for.
      const secrets = Object.fromEntries(BROKER_SECRET_NAMES.map((column) => [column, broker[column]]));
      for (const column of BROKER_SECRET_NAMES) broker[column] = null;
      await deps.manager.save(broker);
      Object.assign(broker, secrets);
    }
    seal(broker, (plain, column) => deps.secretBox.seal(plain, furtherSecretPlace(broker, column)));
    if (old && same(old, broker)) return;
    await deps.manager.save(broker);
    await this.audit('mqtt_broker', broker.id, old ? brokerAudit(old) : null, brokerAudit(broker));
  }

  private async secret(secret: ProductSecretEntity): Promise<void> {
    const { before, deps } = this;
    secret.product_id = this.product_id;
    secret.value = sealed(secret.value, (plain) =>
      deps.secretBox.seal(plain, secretPlace(this.product_id, secret.name)),
    );
    const old = before?.secrets.find(({ id }) => id === secret.id);
    if (old && same(old, secret)) return;
    await deps.manager.save(secret);
    const fields = ({ name, value }: ProductSecretEntity) => ({ name, value });
    await this.audit('product_secret', secret.id, old ? fields(old) : null, fields(secret));
  }

  private async remove<T extends { id: number }>(
    entity: new () => T,
    entity_type: string,
    before: readonly T[] | undefined,
    next: readonly T[],
    fieldsOf: (row: T) => Fields,
  ): Promise<void> {
    const { manager, actor } = this.deps;
    for (const row of before ?? []) {
      if (next.some(({ id }) => id === row.id)) continue;
      await manager.delete(entity, { id: row.id } as never);
      await recordAudit(manager, {
        actor,
        action: `${entity_type}.delete`,
        entity_type,
        entity_id: row.id,
        product_id: this.next.product.id,
        before: fieldsOf(row),
      });
    }
  }

  private async audit(entity_type: string, entity_id: number, before: Fields | null, after: Fields): Promise<void> {
    const { updated_at: _, ...is } = after;
    const { updated_at: _1, ...was } = before ?? {};
    if (before !== null && isDeepStrictEqual(was, is)) return;
    await recordAudit(this.deps.manager, {
      actor: this.deps.actor,
      action: `${entity_type}.${before === null ? 'create' : 'update'}`,
      entity_type,
      entity_id,
      product_id: this.product_id,
      before,
      after,
    });
  }

  private subscriptionFields(row: SubscriptionEntity, { product, config }: ProductSnapshot): Fields {
    return subscriptionAudit(presentSubscription(product, config, row));
  }
}

/** Deletes a product with all that belongs to it. Its config row must be locked. */
export async function deleteProduct({ product }: ProductSnapshot, { manager, actor }: SaveDeps): Promise<void> {
  await recordAudit(manager, {
    actor,
    action: 'product.delete',
    entity_type: 'product',
    entity_id: product.id,
    product_id: product.id,
    before: { ...presentProduct(product) },
  });
  await manager.delete(ProductEntity, { id: product.id });
}

function seal(broker: BrokerColumns, sealOne: (plain: string, column: BrokerSecretName) => string): void {
  for (const column of BROKER_SECRET_NAMES) broker[column] = sealed(broker[column], (plain) => sealOne(plain, column));
}

function sealed(value: string | Unsealed | null, sealOne: (plain: string) => string): string | null {
  return value instanceof Unsealed ? sealOne(value.plain) : value;
}

const same = (one: object, other: object): boolean => isDeepStrictEqual({ ...one }, { ...other });

/** Names and slugs are unique: two that swap theirs cannot do it in one step. */
export async function withUniqueNames<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  try {
    return await dataSource.transaction(work);
  } catch (error) {
    if (error instanceof QueryFailedError && /^uq_/.test(String(error.driverError?.constraint))) {
      throw new ConflictError(
        `A name is taken already (${error.driverError?.detail ?? error.driverError?.constraint}).`,
      );
    }
    throw error;
  }
}
