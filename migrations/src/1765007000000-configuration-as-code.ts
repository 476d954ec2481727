import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Plans of configuration files, who manages a product, and the names that broker secrets have in files. */
export class ConfigurationAsCode1765007000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE products ADD COLUMN managed_by varchar(100), ADD COLUMN managed_console varchar(5) NOT NULL DEFAULT 'drift',
        ADD CONSTRAINT ck_products_managed_console CHECK (managed_console IN ('drift', 'lock'))
    `);
    await runner.query('CREATE INDEX ix_products_managed_by ON products (managed_by) WHERE managed_by IS NOT NULL');
    await runner.query(`ALTER TABLE mqtt_configs ADD COLUMN secret_names jsonb NOT NULL DEFAULT '{}'`);
    await runner.query(`ALTER TABLE mqtt_brokers ADD COLUMN secret_names jsonb NOT NULL DEFAULT '{}'`);
    await runner.query('ALTER TABLE product_secrets ALTER COLUMN value DROP NOT NULL');
    await runner.query(`
      CREATE TABLE configuration_plans (
        id uuid NOT NULL CONSTRAINT pk_configuration_plans PRIMARY KEY,
        request text NOT NULL,
        products jsonb NOT NULL,
        created_by text NOT NULL,
        applied_at timestamptz,
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )
    `);
    await runner.query('CREATE INDEX ix_configuration_plans_expires_at ON configuration_plans (expires_at)');
    await runner.query(`
      CREATE TABLE managed_documents (
        product_id integer NOT NULL CONSTRAINT pk_managed_documents PRIMARY KEY
          CONSTRAINT fk_managed_documents_product REFERENCES products (id) ON DELETE CASCADE,
        document jsonb NOT NULL,
        revision integer NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE managed_documents');
    await runner.query('DROP TABLE configuration_plans');
    // A secret without a value is a name only: nothing is lost with it.
    await runner.query('DELETE FROM product_secrets WHERE value IS NULL');
    await runner.query('ALTER TABLE product_secrets ALTER COLUMN value SET NOT NULL');
    await runner.query('ALTER TABLE mqtt_brokers DROP COLUMN secret_names');
    await runner.query('ALTER TABLE mqtt_configs DROP COLUMN secret_names');
    await runner.query('ALTER TABLE products DROP COLUMN managed_by, DROP COLUMN managed_console');
  }
}
