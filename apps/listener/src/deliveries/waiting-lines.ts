/** A delivery of an ordering key that this listener has seen in the queue and that waits there. */
export interface Waiting {
  job_id: string;
  /** Order of receipt. */
  sequence: number;
  /** When it is taken up again, milliseconds since the epoch. */
  due_ms: number;
  /** It was tried and failed; else it waits for those before it. */
  isFailing: boolean;
}

/** Some time to be taken up again, here or by another listener; one that isn't by then is no longer waited for. */
const GRACE_MS = 2_000;
/** From this number of ordering keys on, those whose wait is over are forgotten. */
const MANY = 10_000;

/** Who of an ordering key comes before whom, as far as this listener has seen them in the queue. */
export class WaitingLines {
  private readonly lines = new Map<string, Map<string, Waiting>>();

  join(key: string, waiting: Waiting): void {
    if (this.lines.size >= MANY) for (const known of this.lines.keys()) this.first(known);
    const line = this.lines.get(key) ?? new Map<string, Waiting>();
    line.set(waiting.job_id, waiting);
    this.lines.set(key, line);
  }

  leave(key: string, job_id: string): void {
    const line = this.lines.get(key);
    line?.delete(job_id);
    if (line?.size === 0) this.lines.delete(key);
  }

  /** Who comes first; null = nobody waits. */
  first(key: string): Waiting | null {
    let first: Waiting | null = null;
    const over_ms = Date.now() - GRACE_MS;
    for (const waiting of this.lines.get(key)?.values() ?? []) {
      if (waiting.due_ms < over_ms) this.leave(key, waiting.job_id);
      else if (first === null || waiting.sequence < first.sequence) first = waiting;
    }
    return first;
  }

  /** Milliseconds until one of those before `sequence` has had its turn; 0 = nobody is before it. */
  waitBefore(key: string, sequence: number): number {
    const now_ms = Date.now();
    // Most have joined in their order: the first that is looked at will mostly do.
    for (const waiting of this.lines.get(key)?.values() ?? []) {
      if (waiting.due_ms < now_ms - GRACE_MS) this.leave(key, waiting.job_id);
      else if (waiting.sequence < sequence) return Math.max(0, waiting.due_ms - now_ms) + 1;
    }
    return 0;
  }
}
