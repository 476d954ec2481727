import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Grants for reading, scopes and parents of API tokens, when a session was last used, and invitations. Whoever may read every
 * product today keeps that; payloads were never granted on purpose, so a viewer needs to be granted them.
 */
export class GrantsAndScopes1765004000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE users
        ADD COLUMN all_products boolean NOT NULL DEFAULT false,
        ADD COLUMN may_read_payloads boolean NOT NULL DEFAULT false,
        ALTER COLUMN password_hash DROP NOT NULL`);
    await runner.query(`UPDATE users SET all_products = true WHERE role <> 'operator'`);
    await runner.query(`
      ALTER TABLE api_tokens
        ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,write}',
        ADD COLUMN product_ids integer[],
        ADD COLUMN parent_id integer,
        ADD CONSTRAINT ck_api_tokens_scopes CHECK (scopes <@ ARRAY['read', 'write', 'tokens']),
        ADD CONSTRAINT fk_api_tokens_parent FOREIGN KEY (parent_id) REFERENCES api_tokens(id) ON DELETE CASCADE`);
    await runner.query('CREATE INDEX ix_api_tokens_parent ON api_tokens (parent_id)');
    await runner.query('ALTER TABLE sessions ADD COLUMN last_used_at timestamptz');
    await runner.query(`
      CREATE TABLE user_invitations (
        user_id integer NOT NULL,
        token_hash character varying(64) NOT NULL,
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_user_invitations_token UNIQUE (token_hash),
        CONSTRAINT pk_user_invitations PRIMARY KEY (user_id),
        CONSTRAINT fk_user_invitations_user FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE user_invitations');
    await runner.query('ALTER TABLE sessions DROP COLUMN last_used_at');
    await runner.query('ALTER TABLE api_tokens DROP COLUMN parent_id, DROP COLUMN product_ids, DROP COLUMN scopes');
    // No password leads to this hash.
    await runner.query(`UPDATE users SET password_hash = '' WHERE password_hash IS NULL`);
    await runner.query(`
      ALTER TABLE users
        ALTER COLUMN password_hash SET NOT NULL,
        DROP COLUMN may_read_payloads,
        DROP COLUMN all_products`);
  }
}
