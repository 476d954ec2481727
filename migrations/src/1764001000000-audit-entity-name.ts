import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The name that what was changed had then: an id says nothing to a reader, and of a changed thing only differences are kept. */
export class AuditEntityName1764001000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_logs ADD COLUMN entity_name text');
    await runner.query(
      `UPDATE audit_logs SET entity_name = coalesce(after ->> 'email', after ->> 'name', before ->> 'email', before ->> 'name')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_logs DROP COLUMN entity_name');
  }
}
