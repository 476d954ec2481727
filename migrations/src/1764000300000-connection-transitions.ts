import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Uptime reads only the few events at which a product came or went. */
export class ConnectionTransitions1764000300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX ix_connection_events_transitions ON connection_events (product_id, at)
      WHERE type IN ('online', 'offline', 'heartbeat_lost')
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX ix_connection_events_transitions');
  }
}
