import type { EntityManager } from 'typeorm';
import { ConflictError, NotFoundError, PreconditionFailedError } from '../http/app-error';
import { type ExpectedRevisions, namesRevision, type Revision } from '../http/etag';
import { MqttConfigEntity } from '../model/mqtt-config.entity';
import { ProductEntity } from '../model/product.entity';
import { notifyConfigurationChange } from './configuration-channel';
import { newRevisionKey, revisionOf } from './versioned';

export interface LockOptions {
  /** What manages the product writes, or nothing that files say is changed: a lock is no obstacle. */
  is_managing?: boolean;
}

/**
 * Locks a product's config row for the rest of the transaction, so that writes of one product follow one another, and
 * checks the revision that the caller has read (`If-Match`). Refuses while the product is locked by what
 * manages it. Everything that a listener sees goes through here.
 */
export async function lockConfig(
  manager: EntityManager,
  product_id: number,
  expected: ExpectedRevisions | undefined,
  { is_managing = false }: LockOptions = {},
): Promise<MqttConfigEntity> {
  const config = await manager.findOne(MqttConfigEntity, {
    where: { product_id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
  if (expected && !namesRevision(expected, revisionOf(config))) throw staleRevision(expected, config.revision);
  if (!is_managing) await refuseWhileLocked(manager, product_id);
  return config;
}

function staleRevision(expected: ExpectedRevisions, current: number): PreconditionFailedError {
  const again = 'Read it again and repeat your change.';
  if (expected.length === 0) return new PreconditionFailedError(`If-Match names no revision of this product. ${again}`);
  const read = expected.map(({ number }) => number).join(' or ');
  if (expected.some(({ number }) => number === current)) {
    return new PreconditionFailedError(
      `The revision ${read} that you have read is another one than that of today: the database was restored meanwhile. ${again}`,
    );
  }
  return new PreconditionFailedError(`The configuration is at revision ${current}, you have read ${read}. ${again}`);
}

async function refuseWhileLocked(manager: EntityManager, product_id: number): Promise<void> {
  const product = await manager.findOne(ProductEntity, {
    where: { id: product_id },
    select: { id: true, managed_by: true, managed_console: true },
  });
  if (product?.managed_by == null || product.managed_console === 'drift') return;
  throw new ConflictError(
    `The product is managed by ${product.managed_by} and locked: change its configuration file, or release the product first.`,
  );
}

/** Raises the revision of a locked config and answers the new one. */
export async function raiseRevision(manager: EntityManager, config: MqttConfigEntity): Promise<Revision> {
  config.revision += 1;
  config.revision_key = newRevisionKey();
  const { revision, revision_key } = config;
  await manager.update(MqttConfigEntity, { id: config.id }, { revision, revision_key });
  await notifyConfigurationChange(manager, config.product_id);
  return revisionOf(config);
}
