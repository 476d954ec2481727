import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['mqtt_configs', 'mqtt_brokers'] as const;

/** The HTTP proxy of a websocket broker. */
export class WebsocketProxy1764000600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`
        ALTER TABLE ${table} ADD COLUMN proxy_url text,
          ADD CONSTRAINT ck_${table}_proxy CHECK (proxy_url IS NULL OR transport IN ('ws', 'wss'))
      `);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DROP COLUMN proxy_url`);
  }
}
