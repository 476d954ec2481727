import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['mqtt_configs', 'mqtt_brokers'] as const;

/** User name and password (an envelope) for the HTTP proxy of a websocket broker. */
export class ProxyCredentials1764001100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`ALTER TABLE ${table} ADD COLUMN proxy_username text, ADD COLUMN proxy_password text`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`ALTER TABLE ${table} DROP COLUMN proxy_username, DROP COLUMN proxy_password`);
    }
  }
}
