import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Queues that a product's actions may add jobs to. Products from before may use every one that is not ours. */
export class AllowedQueues1766040100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE products ADD COLUMN allowed_queues text[]');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE products DROP COLUMN allowed_queues');
  }
}
