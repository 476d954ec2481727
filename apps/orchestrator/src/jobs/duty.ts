import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource, QueryRunner } from 'typeorm';

/** Any numbers will do, as long as every orchestrator uses the same. */
export const DUTIES = {
  'run listeners': 0x6c697374,
  'evaluate alerts': 0x616c7274,
  'apply files': 0x66696c65,
} as const;
export type DutyName = keyof typeof DUTIES;

/** A holder whose machine is gone without a word is noticed by Postgres within a minute, not after two hours. */
const KEEPALIVES = `SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
  set_config('tcp_keepalives_count', '3', false)`;

/**
 * Work that one alone of several orchestrators on a database does. Whoever holds an advisory lock of Postgres has the duty,
 * for as long as its connection lives.
 */
export class Duty {
  /** The connection that holds the lock. */
  private holding: QueryRunner | null = null;
  private is_told = false;

  constructor(private readonly deps: { name: DutyName; dataSource: DataSource; logger: Logger }) {}

  /** Takes the duty when it is free. Rejects while Postgres is away: then nobody can take it over either. */
  async isMine(): Promise<boolean> {
    if (this.holding) {
      try {
        await this.holding.query('SELECT 1');
        return true;
      } catch (error) {
        this.deps.logger.warn('the connection that holds a duty was lost', { duty: this.deps.name, error });
        await this.drop(this.holding);
      }
    }
    const runner = this.deps.dataSource.createQueryRunner();
    try {
      const [answer] = await runner.manager.query<{ taken: boolean }[]>('SELECT pg_try_advisory_lock($1) AS taken', [
        DUTIES[this.deps.name],
      ]);
      if (answer?.taken) {
        await runner.query(KEEPALIVES);
        this.holding = runner;
      } else if (!this.is_told) {
        this.deps.logger.info('another orchestrator has the duty; this one stands by', {
          duty: this.deps.name,
        });
      }
      this.is_told = !answer?.taken;
      return this.holding !== null;
    } finally {
      if (this.holding !== runner) await runner.release();
    }
  }

  /** Lets another have the duty; for when nothing of it is done here any more. */
  async release(): Promise<void> {
    const { holding } = this;
    if (holding === null) return;
    try {
      await holding.query('SELECT pg_advisory_unlock($1)', [DUTIES[this.deps.name]]);
    } finally {
      await this.drop(holding);
    }
  }

  private async drop(holding: QueryRunner): Promise<void> {
    this.holding = null;
    await holding.release();
  }
}
