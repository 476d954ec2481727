import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Replies to requests with an `Idempotency-Key`, kept for a day. */
export class IdempotencyKeys1766050000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE idempotency_keys (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        key text NOT NULL,
        fingerprint text NOT NULL,
        reply text,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_idempotency_keys UNIQUE (user_id, key)
      )`);
    await runner.query('CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_keys');
  }
}
