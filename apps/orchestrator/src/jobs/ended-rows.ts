import type { DataSource } from 'typeorm';

/** Rows that are of no use any more, and from when on. Children of a token go with it. */
export const ENDED_ROWS = [
  { table: 'reconnects', is_over: `created_at < now() - interval '7 days'` },
  { table: 'api_tokens', is_over: `least(revoked_at, expires_at) < now() - interval '90 days'` },
  { table: 'listener_tokens', is_over: `least(revoked_at, expires_at) < now() - interval '90 days'` },
  { table: 'sign_in_attempts', is_over: 'expires_at < now()' },
  { table: 'idempotency_keys', is_over: `created_at < now() - interval '24 hours'` },
  // Past its expiry the broker has ended it by itself.
  { table: 'left_sessions', is_over: `ended_at < now() - interval '7 days' OR expires_at < now()` },
  { table: 'configuration_plans', is_over: 'expires_at < now()' },
  // With the deliveries of theirs. One that runs or is paused stays, however old.
  {
    table: 'replays',
    is_over: `state IN ('planned', 'done', 'cancelled', 'failed') AND created_at < now() - interval '90 days'`,
  },
] as const;

/** Deletes them; a table that refuses keeps none of the others from it. */
export async function deleteEndedRows(dataSource: Pick<DataSource, 'query'>): Promise<void> {
  const results = await Promise.allSettled(
    ENDED_ROWS.map(({ table, is_over }) => dataSource.query(`DELETE FROM ${table} WHERE ${is_over}`)),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
