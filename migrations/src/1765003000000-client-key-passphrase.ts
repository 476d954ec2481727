import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The pass phrase of an encrypted client key, sealed as the key is. */
export class ClientKeyPassphrase1765003000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['mqtt_configs', 'mqtt_brokers'])
      await runner.query(`ALTER TABLE ${table} ADD COLUMN client_key_passphrase text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['mqtt_configs', 'mqtt_brokers'])
      await runner.query(`ALTER TABLE ${table} DROP COLUMN client_key_passphrase`);
  }
}
