import { ActionFault } from '../action-fault';
import type { ReadyAction } from '../action-runner';
import { resolveRetry } from '../retry-policy';
import type { BatchMethod, ItemOutcome } from './batch-method';
import { batchOf } from './batch-settings';
import type { OpenBatches } from './open-batches';

/** How a message fared, and when what it was sent with was begun (milliseconds since the epoch). */
export interface BatchedOutcome {
  outcome: ItemOutcome;
  began_ms: number;
}

export interface BatcherDeps {
  definition: { retry?: { max_attempts?: number } | null };
  method: BatchMethod<unknown>;
  /** Batches under way at once. */
  concurrency: number;
  open: OpenBatches;
  /** One call to the destination, for all of them. Rejects with ActionFault. */
  send(items: readonly ReadyAction[]): Promise<readonly ItemOutcome[]>;
}

interface Item {
  ready: ReadyAction;
  resolve: (outcome: BatchedOutcome) => void;
}

/** A batch that takes more. */
interface Forming {
  readonly key: string;
  readonly limit: number;
  readonly items: Item[];
  bytes: number;
  timer: NodeJS.Timeout | null;
  /** It has waited long enough, and only waits for a place. */
  is_due: boolean;
}

/** Deliveries of one action that may be in batches at once, beyond two whole ones. */
const MAX_GATHERED = 4_096;
const MAX_GATHERED_BYTES = 32 * 1024 * 1024;

/**
 * Gathers the messages of one action into batches. Whoever joins is given the outcome of its own message, so that retries,
 * acknowledgement and dead letters stay those of each. A message that makes its batch fail is found by halving: at once where the
 * destination refuses the content, else by half as many at each further attempt, apart from those that are new.
 */
export class Batcher {
  private readonly forming = new Map<string, Forming>();
  private readonly full: Item[][] = [];
  private under_way = 0;
  private gathered = 0;
  private gathered_bytes = 0;
  private readonly settings;
  private readonly max_attempts: number;

  constructor(private readonly deps: BatcherDeps) {
    const settings = batchOf(deps.definition);
    if (settings === null) throw new Error('this action sends each message by itself');
    this.settings = settings;
    this.max_attempts = resolveRetry(deps.definition.retry).max_attempts;
  }

  /** Whether a delivery of so many bytes may wait here without a place of those that run at once. */
  enter(bytes: number): boolean {
    const { max_messages, max_bytes } = this.settings;
    if (this.gathered >= Math.max(MAX_GATHERED, 2 * max_messages)) return false;
    if (this.gathered > 0 && this.gathered_bytes + bytes > Math.max(MAX_GATHERED_BYTES, 2 * max_bytes)) return false;
    this.gathered += 1;
    this.gathered_bytes += bytes;
    return true;
  }

  /** What `enter` let in has ended. */
  leave(bytes: number): void {
    this.gathered -= 1;
    this.gathered_bytes -= bytes;
  }

  /** Resolves when its batch has ended. `attempt`: 1 for the first. */
  join(ready: ReadyAction, attempt: number): Promise<BatchedOutcome> {
    return new Promise((resolve) => {
      const { method, open } = this.deps;
      const limit = this.limitOf(ready, attempt);
      const key = `${limit} ${method.groupOf(ready.prepared)}`;
      const bytes = method.bytesOf(ready.prepared);
      let batch = this.forming.get(key);
      if (batch && batch.bytes + bytes > this.settings.max_bytes) {
        this.close(batch);
        batch = undefined;
      }
      batch ??= this.begin(key, limit);
      batch.items.push({ ready, resolve });
      batch.bytes += bytes;
      if (batch.items.length >= limit || batch.bytes >= this.settings.max_bytes) this.close(batch);
      else if (batch.items.length === 1) {
        open.add(this);
        batch.timer = setTimeout(() => this.onDue(batch), open.is_draining ? 0 : this.settings.max_wait_ms);
      }
    });
  }

  /** Messages that wait for others. */
  get waiting(): number {
    let waiting = 0;
    for (const { items } of this.forming.values()) waiting += items.length;
    return waiting;
  }

  /** Sends what is there without waiting for more. */
  flush(): void {
    for (const batch of [...this.forming.values()]) this.close(batch);
  }

  /** Those that have failed share a batch with ever fewer others; the last attempt is each one's own. */
  private limitOf({ prepared }: ReadyAction, attempt: number): number {
    const { max_messages } = this.settings;
    const most = Math.min(max_messages, this.deps.method.mostOf?.(prepared) ?? max_messages);
    if (attempt <= 1) return most;
    if (attempt >= this.max_attempts) return 1;
    return Math.max(1, Math.floor(most / 2 ** (attempt - 1)));
  }

  private begin(key: string, limit: number): Forming {
    const batch: Forming = { key, limit, items: [], bytes: 0, timer: null, is_due: false };
    this.forming.set(key, batch);
    return batch;
  }

  private onDue(batch: Forming): void {
    batch.timer = null;
    // Until there is a place it may as well take more.
    if (this.under_way < this.deps.concurrency) this.close(batch);
    else batch.is_due = true;
  }

  private close(batch: Forming): void {
    if (batch.timer) clearTimeout(batch.timer);
    this.forming.delete(batch.key);
    if (this.forming.size === 0) this.deps.open.remove(this);
    this.full.push(batch.items);
    this.pump();
  }

  private pump(): void {
    while (this.under_way < this.deps.concurrency) {
      const items = this.full.shift();
      if (items === undefined) {
        const due = [...this.forming.values()].find(({ is_due }) => is_due);
        if (due === undefined) return;
        this.close(due);
        return;
      }
      this.under_way += 1;
      void this.attempt(items).finally(() => {
        this.under_way -= 1;
        this.pump();
      });
    }
  }

  /** Never rejects. */
  private async attempt(items: readonly Item[]): Promise<void> {
    const began_ms = Date.now();
    let outcomes: readonly ItemOutcome[];
    try {
      outcomes = await this.deps.send(items.map(({ ready }) => ready));
    } catch (error) {
      const fault = error instanceof ActionFault ? error : new ActionFault(String(error), FAILED);
      if (items.length > 1 && this.deps.method.mayBeOfOne(fault)) {
        const middle = Math.ceil(items.length / 2);
        await this.attempt(items.slice(0, middle));
        await this.attempt(items.slice(middle));
        return;
      }
      outcomes = items.map(() => fault);
    }
    items.forEach(({ resolve }, index) => {
      resolve({ outcome: outcomes[index] ?? UNANSWERED, began_ms });
    });
  }
}

const FAILED = { permanent: true, detail: { code: 'FAILED' } };
const UNANSWERED = new ActionFault('the outcome of this message of the batch is not known', {
  permanent: false,
  detail: { code: 'BATCH_ANSWER' },
});
