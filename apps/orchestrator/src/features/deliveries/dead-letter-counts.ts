import { asProductId, waitAtMost } from '@cortex-mqtt/contracts';
import { createDeliveryStore, type QueueBackend } from '@cortex-mqtt/queues';

/** Many consoles ask for the overview every few seconds; the queue is asked once for all of them. */
const MAX_AGE_MS = 5_000;
/** A queue that is away must not hold up the overview. */
const PATIENCE_MS = 1_000;
/** Products whose queues are asked beside one another. */
const CONCURRENCY = 16;

interface Known {
  /** null: the queue did not answer. */
  dead: number | null;
  read_at_ms: number;
}

/** How many dead letters products have, as of a few seconds ago. */
export class DeadLetterCounts {
  private readonly known = new Map<number, Known>();

  constructor(private readonly deps: { queues: QueueBackend; now_ms?: () => number }) {}

  /** By product; one is missing whose queue does not answer. */
  async of(product_ids: number[]): Promise<Map<number, number>> {
    const now_ms = this.deps.now_ms?.() ?? Date.now();
    const due = product_ids.filter((id) => now_ms - (this.known.get(id)?.read_at_ms ?? 0) >= MAX_AGE_MS);
    await waitAtMost(PATIENCE_MS, this.readAll(due, now_ms));
    const counts = new Map<number, number>();
    for (const id of product_ids) {
      const dead = this.known.get(id)?.dead;
      if (typeof dead === 'number') counts.set(id, dead);
    }
    return counts;
  }

  private async readAll(product_ids: number[], read_at_ms: number): Promise<void> {
    const left = [...product_ids];
    const next = async (): Promise<void> => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        this.known.set(id, { dead: await this.read(id), read_at_ms });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, next));
  }

  private async read(product_id: number): Promise<number | null> {
    const store = createDeliveryStore({ backend: this.deps.queues, product_id: asProductId(product_id) });
    return store.counts().then(
      ({ dead }) => dead,
      // The health page and the deliveries say that the queue is away; the overview goes on without this figure.
      () => null,
    );
  }
}
