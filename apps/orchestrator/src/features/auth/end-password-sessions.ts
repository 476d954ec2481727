import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import { UserEntity } from '../../model/user.entity';

/** With SSO_ONLY: sessions that were opened with a password end, except those of the account for emergencies. */
export async function endPasswordSessions(deps: {
  dataSource: DataSource;
  kept_email: string | null;
  logger: Logger;
}): Promise<void> {
  const { dataSource, kept_email, logger } = deps;
  const [, ended] = await dataSource.query<[unknown, number]>(
    `DELETE FROM sessions s USING users u
     WHERE u.id = s.user_id AND s.identity_id IS NULL AND u.email IS DISTINCT FROM $1`,
    [kept_email],
  );
  if (ended > 0) logger.info('password sessions ended: SSO_ONLY is set', { sessions: ended });
  const account = kept_email === null ? null : await dataSource.manager.findOneBy(UserEntity, { email: kept_email });
  const is_usable = account?.role === 'admin' && !account.disabled && account.password_hash !== null;
  if (!is_usable) {
    logger.warn(
      'no administrator with a password has the address of SSO_BREAK_GLASS_EMAIL: reset-password creates one',
      {
        email: kept_email,
      },
    );
  }
}
