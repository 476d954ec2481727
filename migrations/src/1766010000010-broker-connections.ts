import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['mqtt_configs', 'mqtt_brokers'];

/** Whether a broker may be connected to beside the session. */
export class BrokerConnections1766010000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(
        `ALTER TABLE ${table} ADD COLUMN connections varchar(7) NOT NULL DEFAULT 'several'
           CONSTRAINT ck_${table}_connections CHECK (connections IN ('several', 'one'))`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DROP COLUMN connections`);
  }
}
