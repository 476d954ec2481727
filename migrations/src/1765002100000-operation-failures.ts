import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why a bulk operation was not done with some deliveries. */
export class OperationFailures1765002100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operations ADD COLUMN failures jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE operations DROP COLUMN failures');
  }
}
