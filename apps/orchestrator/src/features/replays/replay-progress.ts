import type { LateOutcome } from '@cortex-mqtt/messages';
import type { DataSource } from 'typeorm';
import type { ReplayFailureView, ReplayProgressView } from './replay.dto';
import type { ReplayEntity } from './replay.entity';

/** A delivery of a replay that has been queued and has not ended as far as is known. */
export interface OpenDelivery {
  message_id: string;
  subscription_id: number;
}

/** What became of the deliveries of replays: a row each, so that nothing counts twice however often it is told. */
export class ReplayProgress {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async of({ id, plan, state, is_read, filtered }: ReplayEntity): Promise<ReplayProgressView> {
    const rows = (await this.deps.dataSource.query(
      `SELECT outcome, count(*)::int AS count FROM replay_deliveries WHERE replay_id = $1 GROUP BY outcome`,
      [id],
    )) as { outcome: string | null; count: number }[];
    const of = (...outcomes: (string | null)[]): number =>
      rows.filter(({ outcome }) => outcomes.includes(outcome)).reduce((sum, { count }) => sum + count, 0);
    const succeeded = of('succeeded');
    const failed = of('failed', 'dead');
    const passed = of('filtered') + filtered;
    const done = succeeded + failed + passed;
    const isOver = state === 'done' || state === 'cancelled' || state === 'failed';
    const queued = of(null, 'waiting');
    // Once all has been read, what remains is what is queued; the plan may have been an estimate.
    const remaining = isOver ? 0 : is_read ? queued : Math.max(queued, plan.deliveries - done);
    return { done, succeeded, failed, filtered: passed, remaining };
  }

  async failures(id: string): Promise<ReplayFailureView[]> {
    return (await this.deps.dataSource.query(
      `SELECT message_id, subscription_id, outcome, error FROM replay_deliveries
       WHERE replay_id = $1 AND outcome IN ('failed', 'dead') ORDER BY at DESC LIMIT 50`,
      [id],
    )) as ReplayFailureView[];
  }

  /**
   * Ends that listeners report. One that comes before its delivery is noted here makes the note. Gives the replays in which the
   * product runs messages of its own.
   */
  async ended(product_id: number, outcomes: readonly LateOutcome[]): Promise<ReadonlySet<string>> {
    const newest = new Map<string, LateOutcome>();
    for (const outcome of outcomes) {
      newest.set(`${outcome.replay_id}/${outcome.message_id}/${outcome.subscription_id}`, outcome);
    }
    const rows = [...newest.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, outcome]) => outcome);
    await this.deps.dataSource.query(
      `INSERT INTO replay_deliveries AS d (replay_id, message_id, subscription_id, outcome, error)
       SELECT n.replay_id, n.message_id, n.subscription_id, n.outcome, n.error
       FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[])
         AS n (replay_id, message_id, subscription_id, outcome, error)
       JOIN replays r ON r.id = n.replay_id AND COALESCE((r.target->>'product_id')::int, r.product_id) = $6
       ON CONFLICT (replay_id, message_id, subscription_id) DO UPDATE
         SET outcome = EXCLUDED.outcome, error = EXCLUDED.error, at = now()`,
      [
        rows.map(({ replay_id }) => replay_id),
        rows.map(({ message_id }) => message_id),
        rows.map(({ subscription_id }) => subscription_id),
        rows.map(({ outcome }) => outcome),
        rows.map(({ error }) => error),
        product_id,
      ],
    );
    const own = (await this.deps.dataSource.query(
      `SELECT id FROM replays WHERE id = ANY($1::uuid[]) AND product_id = $2 AND target->>'product_id' IS NULL`,
      [[...new Set(rows.map(({ replay_id }) => replay_id))], product_id],
    )) as { id: string }[];
    return new Set(own.map(({ id }) => id));
  }

  async open(id: string, older_than_ms: number, limit: number): Promise<OpenDelivery[]> {
    return (await this.deps.dataSource.query(
      `SELECT message_id, subscription_id FROM replay_deliveries
       WHERE replay_id = $1 AND (outcome IS NULL OR outcome = 'waiting') AND at < now() - make_interval(secs => $2)
       ORDER BY at LIMIT ${Number(limit)}`,
      [id, older_than_ms / 1_000],
    )) as OpenDelivery[];
  }

  async countOpen(id: string): Promise<number> {
    const [row] = (await this.deps.dataSource.query(
      `SELECT count(*)::int AS count FROM replay_deliveries WHERE replay_id = $1 AND (outcome IS NULL OR outcome = 'waiting')`,
      [id],
    )) as { count: number }[];
    return row?.count ?? 0;
  }

  async settle(
    id: string,
    settled: (OpenDelivery & { outcome: 'succeeded' | 'dead' | 'waiting'; error: string | null })[],
  ) {
    for (const { message_id, subscription_id, outcome, error } of settled) {
      await this.deps.dataSource.query(
        `UPDATE replay_deliveries SET outcome = $4, error = $5, at = now()
         WHERE replay_id = $1 AND message_id = $2 AND subscription_id = $3 AND (outcome IS NULL OR outcome = 'waiting')`,
        [id, message_id, subscription_id, outcome, error],
      );
    }
  }
}
