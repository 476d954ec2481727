import type { Queries } from '../../database/queries';
import { type Applied, applyReports, type CountedReport } from './report-batch';

/** A batch is sent this long after its first report, milliseconds, … */
const FLUSH_AFTER_MS = 10;
/** … or with this many. */
const MAX_BATCH = 200;
/** Serialisation failure and deadlock: the whole statement is run again. */
const RETRIED = new Set(['40001', '40P01']);
const MAX_TRIES = 5;
/** Classes of SQLSTATE that blame a value: one report of the batch is at fault, not the database. */
const BLAMES_A_VALUE = /^(22|23)/;

interface Waiting extends CountedReport {
  key: string;
  done(applied: Applied | null): void;
  fail(error: unknown): void;
}

/** Gathers reports into batches, one at a time, and answers each once its batch is committed. */
export class ReportBatches {
  private waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;

  constructor(private readonly deps: { db: Queries; node_id: string }) {}

  /** null: not applied, because its boot or sequence is not the newest, or for a value of it that was refused. */
  add(report: CountedReport): Promise<Applied | null> {
    return new Promise((done, fail) => {
      this.waiting.push({ ...report, key: `${report.product_id} ${report.report.instance_id}`, done, fail });
      if (this.running) return;
      if (this.waiting.length >= MAX_BATCH) this.run();
      else this.timer ??= setTimeout(() => this.run(), FLUSH_AFTER_MS);
    });
  }

  async settled(): Promise<void> {
    if (this.timer) this.run();
    while (this.running) await this.running;
  }

  private run(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.running || this.waiting.length === 0) return;
    const batch = this.next();
    this.running = this.apply(batch).finally(() => {
      this.running = null;
      // What came meanwhile has waited for long enough.
      this.run();
    });
  }

  /** At most one report of an instance: the second of two would see the counters from before the first. */
  private next(): Waiting[] {
    const batch = new Map<string, Waiting>();
    const left: Waiting[] = [];
    for (const one of this.waiting) {
      if (batch.size < MAX_BATCH && !batch.has(one.key)) batch.set(one.key, one);
      else left.push(one);
    }
    this.waiting = left;
    return [...batch.values()];
  }

  private async apply(batch: Waiting[], tries = 1): Promise<void> {
    try {
      const applied = await applyReports(this.deps.db, { node_id: this.deps.node_id, reports: batch });
      const found = new Map(applied.map((one) => [`${one.product_id} ${one.instance_id}`, one]));
      for (const one of batch) one.done(found.get(one.key) ?? null);
    } catch (error) {
      const code = String((error as { code?: unknown }).code ?? '');
      if (RETRIED.has(code) && tries < MAX_TRIES) return this.apply(batch, tries + 1);
      if (!BLAMES_A_VALUE.test(code)) {
        for (const one of batch) one.fail(error);
        return;
      }
      if (batch.length === 1) {
        batch[0]?.done(null);
        return;
      }
      // One report must not keep the others from being taken in.
      const half = Math.ceil(batch.length / 2);
      await this.apply(batch.slice(0, half));
      await this.apply(batch.slice(half));
    }
  }
}
