import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether a product's listener is subscribed on one broker of its list at a time, or on all at once. */
export class SubscribeOn1764000800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE mqtt_configs ADD COLUMN subscribe_on varchar(3) NOT NULL DEFAULT 'one',
        ADD CONSTRAINT ck_mqtt_configs_subscribe_on CHECK (subscribe_on IN ('one', 'all'))
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE mqtt_configs DROP COLUMN subscribe_on');
  }
}
