/** Runs pieces of work one after another, until it is stopped. */
export class SerialWork {
  is_stopped = false;
  private latest: Promise<void> = Promise.resolve();

  /** Resolves when `work` has ended, or was not begun since all of it is stopped. Rejects as `work` does; the next continues. */
  run(work: () => Promise<void>): Promise<void> {
    const done = this.latest.then(async () => {
      if (!this.is_stopped) await work();
    });
    // One that fails is told to its caller.
    this.latest = done.catch(() => undefined);
    return done;
  }

  /** Begins nothing more. Resolves when what is under way has ended. */
  stop(): Promise<void> {
    this.is_stopped = true;
    return this.latest;
  }
}
