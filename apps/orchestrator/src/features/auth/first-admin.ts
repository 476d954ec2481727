import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import { UserEntity } from '../../model/user.entity';
import { recordAudit, systemActor } from '../audit/audit-trail';
import type { PasswordWork } from './password-work';

/** Makes the first administrator while there is no user at all; several orchestrators may do so at once. */
export async function ensureFirstAdmin(deps: {
  dataSource: DataSource;
  passwords: PasswordWork;
  email: string | undefined;
  password: string | undefined;
  logger: Logger;
}): Promise<void> {
  const { dataSource, passwords, email, password, logger } = deps;
  if ((await dataSource.getRepository(UserEntity).count()) > 0) return;
  if (email === undefined || password === undefined) {
    logger.warn('there is no user and nobody can sign in: start once with ADMIN_EMAIL and ADMIN_PASSWORD');
    return;
  }
  const password_hash = await passwords.hash(password);
  await dataSource.transaction(async (manager) => {
    await manager.query('LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE');
    if ((await manager.count(UserEntity)) > 0) return;
    const user = await manager.save(
      manager.create(UserEntity, {
        email: email.toLowerCase(),
        name: 'Administrator',
        role: 'admin',
        password_hash,
        disabled: false,
      }),
    );
    await recordAudit(manager, {
      actor: systemActor('first start'),
      action: 'user.create',
      entity_type: 'user',
      entity_id: user.id,
      product_id: null,
      after: { email: user.email, role: user.role },
    });
    logger.info('first administrator created', { email: user.email });
  });
}
