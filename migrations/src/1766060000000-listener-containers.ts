import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many listeners a product wants, and what is known of their containers: one row a product, replaced as a whole. */
export class ListenerContainers1766060000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE products ADD COLUMN replicas integer NOT NULL DEFAULT 1
         CONSTRAINT ck_products_replicas CHECK (replicas BETWEEN 1 AND 50)`,
    );
    await runner.query(`
      CREATE TABLE listener_containers (
        product_id integer CONSTRAINT pk_listener_containers PRIMARY KEY
          CONSTRAINT fk_listener_containers_product REFERENCES products (id) ON DELETE CASCADE,
        containers jsonb NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE listener_containers');
    await runner.query('ALTER TABLE products DROP COLUMN replicas');
  }
}
