import type { DataSource } from 'typeorm';
import { AppError, ConflictError, IdempotencyKeyReusedError, TooManyRequestsError } from '../../http/app-error';
import type { IdempotentRequests, KeyedRequest } from '../../http/idempotency';
import type { Reply } from '../../http/route';
import { type SecretBox, storedReplyPlace } from '../secrets/secret-box';

/** Keys of one user that are kept at a time, which bounds the table. */
export const KEYS_PER_USER = 10_000;

interface StoredRow {
  id: string;
  fingerprint: string;
  /** null while the request runs, and permanently when the process died or failed in it. */
  reply: string | null;
}

/**
 * Replies to requests with an `Idempotency-Key`, in the database, so that the repetition may reach another orchestrator. They are
 * sealed, because the reply to "create a token" holds the token. A day later they go (ended-rows.ts).
 */
export class StoredReplies implements IdempotentRequests {
  constructor(private readonly deps: { dataSource: DataSource; secretBox: SecretBox }) {}

  async once(request: KeyedRequest, carryOut: () => Promise<Reply<unknown>>): Promise<Reply<unknown>> {
    const id = await this.reserve(request);
    if (id === null) return this.repeat(request);
    let reply: Reply<unknown>;
    try {
      reply = await carryOut();
    } catch (error) {
      // A refusal has made nothing. After any other failure that is unknown, and a repetition must not make it twice.
      if (error instanceof AppError && error.status < 500) await this.forget(id);
      throw error;
    }
    await this.store(id, reply);
    return reply;
  }

  private async reserve({ user_id, key, fingerprint }: KeyedRequest): Promise<string | null> {
    const rows = await this.deps.dataSource.query<{ id: string }[]>(
      `INSERT INTO idempotency_keys (user_id, key, fingerprint)
       SELECT $1, $2, $3 WHERE (SELECT count(*) FROM idempotency_keys WHERE user_id = $1) < $4
       ON CONFLICT DO NOTHING RETURNING id`,
      [user_id, key, fingerprint, KEYS_PER_USER],
    );
    return rows[0]?.id ?? null;
  }

  private async repeat({ user_id, key, fingerprint }: KeyedRequest): Promise<Reply<unknown>> {
    const [row] = await this.deps.dataSource.query<StoredRow[]>(
      'SELECT id, fingerprint, reply FROM idempotency_keys WHERE user_id = $1 AND key = $2',
      [user_id, key],
    );
    if (row === undefined) {
      throw new TooManyRequestsError({
        detail: `You have used ${KEYS_PER_USER} keys in the last 24 hours.`,
        retry_after_s: 3_600,
      });
    }
    if (row.fingerprint !== fingerprint) {
      throw new IdempotencyKeyReusedError('This Idempotency-Key was used for another path or body. Draw a new one.');
    }
    if (row.reply === null) {
      throw new ConflictError(
        'A request with this Idempotency-Key is under way, or was cut off. See whether it took effect before you send it with a new key.',
      );
    }
    const reply = JSON.parse(this.deps.secretBox.open(row.reply, storedReplyPlace(row.id))) as Reply<unknown>;
    if (reply.kind === 'handled') return reply;
    return { ...reply, headers: { ...reply.headers, 'Idempotency-Replayed': 'true' } };
  }

  private async store(id: string, reply: Reply<unknown>): Promise<void> {
    const sealed = this.deps.secretBox.seal(JSON.stringify(reply), storedReplyPlace(id));
    await this.deps.dataSource.query('UPDATE idempotency_keys SET reply = $2 WHERE id = $1', [id, sealed]);
  }

  private async forget(id: string): Promise<void> {
    await this.deps.dataSource.query('DELETE FROM idempotency_keys WHERE id = $1', [id]);
  }
}
