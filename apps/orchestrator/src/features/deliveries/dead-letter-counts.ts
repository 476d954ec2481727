import { asProductId, queueNames, waitAtMost } from '@cortex-mqtt/contracts';
import type { QueueBackend } from '@cortex-mqtt/queues';

/** Many consoles ask for the overview every few seconds; the queue is asked once for all of them. */
const MAX_AGE_MS = 5_000;
/** A queue that is away must not hold up the overview. */
const PATIENCE_MS = 1_000;

interface Known {
  /** null: the queue did not answer. */
  dead: number | null;
  read_at_ms: number;
}

/** How many dead letters products have, as of a few seconds ago. */
export class DeadLetterCounts {
  private readonly known = new Map<number, Known>();

  constructor(private readonly deps: { queues: Pick<QueueBackend, 'failedCounts'>; now_ms?: () => number }) {}

  /** By product; one is missing whose queue does not answer. */
  async of(product_ids: readonly number[]): Promise<Map<number, number>> {
    const now_ms = this.deps.now_ms?.() ?? Date.now();
    const due = product_ids.filter((id) => now_ms - (this.known.get(id)?.read_at_ms ?? 0) >= MAX_AGE_MS);
    if (due.length > 0) await waitAtMost(PATIENCE_MS, this.read(due, now_ms));
    const counts = new Map<number, number>();
    for (const id of product_ids) {
      const dead = this.known.get(id)?.dead;
      if (typeof dead === 'number') counts.set(id, dead);
    }
    return counts;
  }

  private async read(product_ids: readonly number[], read_at_ms: number): Promise<void> {
    const named = product_ids.map((id) => ({ id, name: queueNames.deliveries(asProductId(id)) }));
    // The health page and the deliveries say that the queue is away; the overview is answered without this figure.
    const counts = await this.deps.queues.failedCounts(named.map(({ name }) => name)).catch(() => null);
    for (const { id, name } of named)
      this.known.set(id, { dead: counts === null ? null : (counts.get(name) ?? 0), read_at_ms });
  }
}
