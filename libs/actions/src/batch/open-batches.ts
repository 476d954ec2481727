/** Batches that wait for more messages, over all actions of a process. */
export class OpenBatches {
  private readonly open = new Set<{ flush(): void }>();
  private draining = false;

  /** Nothing waits for more messages any longer. */
  get is_draining(): boolean {
    return this.draining;
  }

  add(batches: { flush(): void }): void {
    this.open.add(batches);
  }

  remove(batches: { flush(): void }): void {
    this.open.delete(batches);
  }

  /** Sends what is there. */
  flush(): void {
    for (const batches of [...this.open]) batches.flush();
  }

  /** The same, and from now on without waiting for more. */
  drain(): void {
    this.draining = true;
    this.flush();
  }
}
