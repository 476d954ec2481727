import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What this database is and where it belongs; one row, made at the first start. */
export class Installation1765008100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE installation (
        id smallint PRIMARY KEY DEFAULT 1 CONSTRAINT ck_installation_one CHECK (id = 1),
        installation_id uuid NOT NULL DEFAULT gen_random_uuid(),
        database_identity text NOT NULL,
        environment_identity text,
        key_canary text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE installation');
  }
}
