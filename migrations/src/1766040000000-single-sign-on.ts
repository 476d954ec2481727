import type { MigrationInterface, QueryRunner } from 'typeorm';

/** People who sign in with an OpenID Connect provider, and sign-ins that are under way there. */
export class SingleSignOn1766040000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE user_identities (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_identities PRIMARY KEY,
        user_id integer NOT NULL,
        provider character varying(40) NOT NULL,
        issuer text NOT NULL,
        subject character varying(255) NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_user_identities_user UNIQUE (user_id),
        CONSTRAINT uq_user_identities_subject UNIQUE (issuer, subject),
        CONSTRAINT fk_user_identities_user FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
      )`);
    await runner.query(`
      CREATE TABLE sign_in_attempts (
        state_hash character varying(64) CONSTRAINT pk_sign_in_attempts PRIMARY KEY,
        provider character varying(40) NOT NULL,
        browser_hash character varying(64) NOT NULL,
        return_to text NOT NULL,
        expires_at timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX ix_sign_in_attempts_expires_at ON sign_in_attempts (expires_at)');
    await runner.query(`
      ALTER TABLE sessions
        ADD COLUMN identity_id integer,
        ADD COLUMN provider_session text,
        ADD CONSTRAINT fk_sessions_identity FOREIGN KEY (identity_id) REFERENCES user_identities(id) ON DELETE CASCADE`);
    await runner.query('CREATE INDEX ix_sessions_identity ON sessions (identity_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    // Those of a provider would be taken for sessions of a password.
    await runner.query('DELETE FROM sessions WHERE identity_id IS NOT NULL');
    await runner.query('ALTER TABLE sessions DROP COLUMN provider_session, DROP COLUMN identity_id');
    await runner.query('DROP TABLE sign_in_attempts');
    await runner.query('DROP TABLE user_identities');
  }
}
