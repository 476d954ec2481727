import type { EntityManager } from 'typeorm';
import { SessionEntity } from '../../model/session.entity';

/** Revokes the API tokens of a user that still open something, and says how many those were. */
export async function revokeApiTokens(manager: EntityManager, user_id: number): Promise<number> {
  const [, revoked] = (await manager.query(
    `UPDATE api_tokens SET revoked_at = now()
     WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    [user_id],
  )) as [unknown, number];
  return revoked;
}

/** Ends the sessions of a user, except the one whose token has the hash `kept`. */
export async function endSessions(manager: EntityManager, user_id: number, kept: string | null = null): Promise<void> {
  await manager
    .createQueryBuilder()
    .delete()
    .from(SessionEntity)
    .where('user_id = :user_id AND token_hash IS DISTINCT FROM :kept', { user_id, kept })
    .execute();
}
