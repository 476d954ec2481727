import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The persistent sessions that a product's listeners have at brokers, for a listener that has no notes of its own. */
export class KnownSessions1764000900000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE mqtt_connection_status ADD COLUMN known_sessions jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE mqtt_connection_status DROP COLUMN known_sessions');
  }
}
