import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose turn it is, of listeners that use one session at the broker in turn. */
export class ProductLeases1764000500000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE product_leases (
        product_id integer NOT NULL,
        instance_id varchar(64) NOT NULL,
        boot_id varchar(64) NOT NULL,
        term integer NOT NULL,
        acquired_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT pk_product_leases PRIMARY KEY (product_id),
        CONSTRAINT fk_product_leases_product FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE product_leases');
  }
}
