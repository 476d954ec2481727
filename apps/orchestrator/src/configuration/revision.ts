import type { EntityManager } from 'typeorm';
import { NotFoundError, PreconditionFailedError } from '../http/app-error';
import { MqttConfigEntity } from '../model/mqtt-config.entity';

/**
 * Locks a product's config row for the rest of the transaction, so that writes of one product follow one another, and
 * checks the revision that the caller has read (`If-Match`). Everything that a listener sees goes through here.
 */
export async function lockConfig(
  manager: EntityManager,
  product_id: number,
  expected_revision: number | undefined,
): Promise<MqttConfigEntity> {
  const config = await manager.findOne(MqttConfigEntity, {
    where: { product_id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!config) throw new NotFoundError(`There is no product ${product_id}.`);
  if (expected_revision !== undefined && config.revision !== expected_revision) {
    throw new PreconditionFailedError(
      `The configuration is at revision ${config.revision}, you have read ${expected_revision}. Read it again and repeat your change.`,
    );
  }
  return config;
}

/** Raises the revision of a locked config and answers the new one. */
export async function raiseRevision(manager: EntityManager, config: MqttConfigEntity): Promise<number> {
  config.revision += 1;
  await manager.update(MqttConfigEntity, { id: config.id }, { revision: config.revision });
  return config.revision;
}
