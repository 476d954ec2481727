import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when the instance whose turn it is has been without a connection. */
export class LeaseConnection1764000700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE product_leases ADD COLUMN connected_at timestamptz');
    await runner.query('UPDATE product_leases SET connected_at = now()');
    await runner.query('ALTER TABLE product_leases ALTER COLUMN connected_at SET NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE product_leases DROP COLUMN connected_at');
  }
}
