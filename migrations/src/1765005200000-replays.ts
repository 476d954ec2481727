import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Recorded messages that are run again: what was planned, how far it is, and each delivery of it. */
export class Replays1765005200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE replays (
        id uuid NOT NULL,
        product_id integer NOT NULL,
        state varchar(10) NOT NULL,
        selection jsonb NOT NULL,
        "only" varchar(20) NOT NULL,
        ids varchar(10) NOT NULL,
        rate_per_s real NOT NULL,
        target jsonb NOT NULL,
        plan jsonb NOT NULL,
        before_id varchar(26) COLLATE "C" NOT NULL,
        position_id varchar(26) COLLATE "C" NOT NULL,
        is_read boolean NOT NULL DEFAULT false,
        filtered integer NOT NULL DEFAULT 0,
        error text,
        requested_by text NOT NULL,
        lease_owner varchar(40),
        lease_until timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        CONSTRAINT pk_replays PRIMARY KEY (id),
        CONSTRAINT fk_replays_product FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE
      )
    `);
    await runner.query('CREATE INDEX ix_replays_product ON replays (product_id, created_at)');
    await runner.query(`CREATE INDEX ix_replays_running ON replays (state) WHERE state = 'running'`);
    await runner.query(`
      CREATE TABLE replay_deliveries (
        replay_id uuid NOT NULL,
        message_id char(24) COLLATE "C" NOT NULL,
        subscription_id integer NOT NULL,
        outcome varchar(10),
        error text,
        at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_replay_deliveries PRIMARY KEY (replay_id, message_id, subscription_id),
        CONSTRAINT fk_replay_deliveries_replay FOREIGN KEY (replay_id) REFERENCES replays (id) ON DELETE CASCADE
      )
    `);
    await runner.query(`
      CREATE INDEX ix_replay_deliveries_open ON replay_deliveries (replay_id, at) WHERE outcome IS NULL OR outcome = 'waiting'
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE replay_deliveries');
    await runner.query('DROP TABLE replays');
  }
}
