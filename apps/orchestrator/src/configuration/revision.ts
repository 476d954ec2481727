import type { EntityManager } from 'typeorm';
import { NotFoundError, PreconditionFailedError } from '../http/app-error';
import type { ExpectedRevision } from '../http/etag';
import { newRevisionKey, revisionOf } from './versioned';
import type { Revision } from '../http/etag';
import { MqttConfigEntity } from '../model/mqtt-config.entity';
import { notifyConfigurationChange } from './configuration-channel';

/**
 * Locks a product's config row for the rest of the transaction, so that writes of one product follow one another, and
 * checks the revision that the caller has read (`If-Match`). Everything that a listener sees goes through here.
 */
export async function lockConfig(
  manager: EntityManager,
  product_id: number,
  expected: ExpectedRevision | undefined,
): Promise<MqttConfigEntity> {
  const config = await manager.findOne(MqttConfigEntity, {
    where: { product_id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
  if (expected && config.revision !== expected.number) {
    throw new PreconditionFailedError(
      `The configuration is at revision ${config.revision}, you have read ${expected.number}. Read it again and repeat your change.`,
    );
  }
  if (expected && expected.key !== null && expected.key !== config.revision_key) {
    throw new PreconditionFailedError(
      `The revision ${expected.number} that you have read is another one than that of today: the database was restored meanwhile. Read it again and repeat your change.`,
    );
  }
  return config;
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
