/** Searches that run at once: each may hold a segment of many megabytes. */
const AT_ONCE = 3;

/** Lets a few run and the others wait for their turn. */
export class SearchTurns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // Who follows takes over the place.
      if (next) next();
      else this.running -= 1;
    }
  }
}
