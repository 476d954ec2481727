import type { DeliveryJournal } from '@cortex-mqtt/queues';

/** Job ids of deliveries that are over while another worker has them; older ones are forgotten. */
const MAX_TAKEN = 10_000;

/** Jobs to be taken away: of deliveries that have ended, and of writes of which nothing is known. */
export class EndedJobs {
  private readonly waiting = new Set<string>();
  /** Those that could not be taken away since a worker had them just then, maybe ours. */
  private readonly taken = new Set<string>();

  constructor(private readonly deps: { journal: Pick<DeliveryJournal, 'remove'>; batch: number }) {}

  get size(): number {
    return this.waiting.size;
  }

  add(job_id: string): void {
    this.waiting.add(job_id);
  }

  has(job_id: string): boolean {
    return this.waiting.has(job_id) || this.taken.has(job_id);
  }

  /** Takes them all away; gives how many. */
  async removeAll(): Promise<number> {
    let removed = 0;
    while (this.waiting.size > 0) {
      const ids = [...this.waiting].slice(0, this.deps.batch);
      const taken = await this.deps.journal.remove(ids);
      for (const id of ids) this.waiting.delete(id);
      for (const id of taken) this.taken.add(id);
      for (const id of this.taken) {
        if (this.taken.size <= MAX_TAKEN) break;
        this.taken.delete(id);
      }
      removed += ids.length;
    }
    return removed;
  }
}
