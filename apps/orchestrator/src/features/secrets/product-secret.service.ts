import { referencedSecrets } from '@cortex-mqtt/actions';
import type { DataSource, EntityManager } from 'typeorm';
import { ConflictError, NotFoundError, PreconditionFailedError } from '../../http/app-error';
import { type Page, type PageQuery, pageWindow } from '../../http/pagination';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { type ChangeOptions, changeConfiguration } from '../../configuration/change-configuration';
import { SubscriptionEntity } from '../../model/subscription.entity';
import type { SecretView } from './product-secret.dto';
import { ProductSecretEntity } from '../../model/product-secret.entity';
import { resealed, type SecretBox, secretPlace } from './secret-box';
import { revisionOf, type Versioned } from '../../configuration/versioned';
import type { Revision } from '../../http/etag';

export interface WrittenSecret {
  value: SecretView;
  revision: Revision;
  is_new: boolean;
}

/** Named values for actions. They go in, and out only to the product's listeners. */
export class ProductSecretService {
  constructor(private readonly deps: { dataSource: DataSource; secretBox: SecretBox; notifier: ChangeNotifier }) {}

  async list(product_id: number, query: PageQuery): Promise<Page<SecretView> & { revision: Revision }> {
    const { manager } = this.deps.dataSource;
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
    const window = pageWindow(query);
    const [secrets, total] = await manager.findAndCount(ProductSecretEntity, {
      where: { product_id },
      order: { name: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    const users = await usersOfSecrets(manager, config.id);
    return {
      items: secrets.map((secret) => presentSecret(secret, users)),
      total,
      page: window.page,
      page_size: window.page_size,
      revision: revisionOf(config),
    };
  }

  async read(product_id: number, name: string): Promise<Versioned<SecretView>> {
    const { manager } = this.deps.dataSource;
    const config = await manager.findOneBy(MqttConfigEntity, { product_id });
    const secret = await manager.findOneBy(ProductSecretEntity, { product_id, name });
    if (!config || !secret) throw new NotFoundError(`Product ${product_id} has no secret ${name}.`);
    return { value: presentSecret(secret, await usersOfSecrets(manager, config.id)), revision: revisionOf(config) };
  }

  /** Refuses a name that is taken. */
  create(product_id: number, secret: { name: string; value: string }, options: ChangeOptions): Promise<WrittenSecret> {
    return this.write(product_id, secret, { ...options, may_replace: false });
  }

  /** With `may_replace: false` one that exists is a failed precondition (`If-None-Match: *`). */
  async put(
    product_id: number,
    secret: { name: string; value: string },
    options: ChangeOptions & { may_replace: boolean },
  ): Promise<WrittenSecret> {
    try {
      return await this.write(product_id, secret, options);
    } catch (error) {
      if (error instanceof SecretExistsError) throw new PreconditionFailedError(error.message);
      throw error;
    }
  }

  async delete(product_id: number, name: string, options: ChangeOptions): Promise<Revision> {
    const { revision } = await changeConfiguration(this.deps, product_id, options, async (manager, config) => {
      const secret = await manager.findOneBy(ProductSecretEntity, { product_id, name });
      if (!secret) throw new NotFoundError(`Product ${product_id} has no secret ${name}.`);
      const used_by = (await usersOfSecrets(manager, config.id)).get(name) ?? [];
      if (used_by.length > 0) {
        const names = used_by.map((subscription) => `"${subscription.name}"`).join(', ');
        throw new ConflictError(`The secret ${name} is used by ${names}. Take it out of the actions first.`, [
          { field: 'name', message: `is used by ${names}` },
        ]);
      }
      await manager.delete(ProductSecretEntity, { id: secret.id });
      return {
        result: undefined,
        audit: {
          action: 'product_secret.delete',
          entity_type: 'product_secret',
          entity_id: secret.id,
          before: { name },
        },
      };
    });
    return revision;
  }

  private async write(
    product_id: number,
    { name, value }: { name: string; value: string },
    options: ChangeOptions & { may_replace: boolean },
  ): Promise<WrittenSecret> {
    const { result, revision } = await changeConfiguration(this.deps, product_id, options, async (manager, config) => {
      const existing = await manager.findOneBy(ProductSecretEntity, { product_id, name });
      if (existing && !options.may_replace) {
        throw new SecretExistsError(`The product has a secret ${name} already.`, [
          { field: 'name', message: 'is taken by another secret of this product' },
        ]);
      }
      const secret = existing ?? manager.create(ProductSecretEntity, { product_id, name });
      const before = existing ? { name, value: existing.value } : null;
      secret.value = resealed(this.deps.secretBox, existing?.value ?? null, value, secretPlace(product_id, name));
      await manager.save(secret);
      const users = await usersOfSecrets(manager, config.id);
      return {
        result: { value: presentSecret(secret, users), is_new: !existing },
        audit: {
          action: existing ? 'product_secret.update' : 'product_secret.create',
          entity_type: 'product_secret',
          entity_id: secret.id,
          before,
          after: { name, value: secret.value },
        },
      };
    });
    return { ...result, revision };
  }
}

class SecretExistsError extends ConflictError {}

type Users = Map<string, { id: number; name: string }[]>;

async function usersOfSecrets(manager: EntityManager, mqtt_config_id: number): Promise<Users> {
  const subscriptions = await manager.find(SubscriptionEntity, { where: { mqtt_config_id }, order: { id: 'ASC' } });
  const users: Users = new Map();
  for (const subscription of subscriptions) {
    for (const name of referencedSecrets(subscription.actions)) {
      users.set(name, [...(users.get(name) ?? []), { id: subscription.id, name: subscription.name }]);
    }
  }
  return users;
}

function presentSecret(secret: ProductSecretEntity, users: Users): SecretView {
  return {
    name: secret.name,
    value_set: secret.value !== null,
    used_by: (users.get(secret.name) ?? []).map((subscription) => subscription.id),
    created_at: secret.created_at.toISOString(),
    updated_at: secret.updated_at.toISOString(),
  };
}
