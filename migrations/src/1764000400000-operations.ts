import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Bulk operations on dead letters, with their progress. */
export class Operations1764000400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE operations (
        id uuid NOT NULL,
        product_id integer NOT NULL,
        kind varchar(40) NOT NULL,
        state varchar(10) NOT NULL DEFAULT 'queued',
        filter jsonb NOT NULL DEFAULT '{}',
        total integer,
        done integer NOT NULL DEFAULT '0',
        failed integer NOT NULL DEFAULT '0',
        error text,
        requested_by text NOT NULL,
        finished_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_operations PRIMARY KEY (id),
        CONSTRAINT fk_operations_product FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE
      )
    `);
    await runner.query(`CREATE INDEX ix_operations_product ON operations (product_id, created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE operations');
  }
}
