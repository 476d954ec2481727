/** A fixed number of places, taken in order of asking. Waiting for one has no time limit: it is not the destination's time. */
export class Places {
  private readonly waiting = new Set<() => void>();

  constructor(private free: number) {}

  get waiting_count(): number {
    return this.waiting.size;
  }

  /** Resolves with whether there is one; false: the signal was aborted first. */
  async take(signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return false;
    if (this.free > 0) {
      this.free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const onAbort = () => {
        this.waiting.delete(onTurn);
        resolve(false);
      };
      const onTurn = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve(true);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(onTurn);
    });
  }

  give(): void {
    for (const next of this.waiting) {
      this.waiting.delete(next);
      next();
      return;
    }
    this.free += 1;
  }
}
