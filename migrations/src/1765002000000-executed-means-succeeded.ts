import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['mqtt_subscriptions', 'metric_buckets'];

/** `actions_executed` counted the attempts that failed as well; it counts the successful ones from now on. */
export class ExecutedMeansSucceeded1765002000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(
        `UPDATE ${table} SET actions_executed = greatest(0, actions_executed - actions_failed) WHERE actions_failed > 0`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(
        `UPDATE ${table} SET actions_executed = actions_executed + actions_failed WHERE actions_failed > 0`,
      );
    }
  }
}
