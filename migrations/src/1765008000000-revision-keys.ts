import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What makes a revision an identity where two histories have the same number, as after a restored dump. */
export class RevisionKeys1765008000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE mqtt_configs ADD COLUMN revision_key varchar(16) NOT NULL DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE mqtt_configs DROP COLUMN revision_key');
  }
}
