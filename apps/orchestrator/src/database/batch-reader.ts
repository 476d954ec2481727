/** Reads what is asked for within one turn of the event loop, or while a read is under way, with one query. */
export class BatchReader<K, V> {
  private waiting = new Map<K, { done: ((value: V | null) => void)[]; fail: ((error: unknown) => void)[] }>();
  private reading = false;

  constructor(
    private readonly deps: {
      max: number;
      /** The values of those keys that have one. */
      read(keys: K[]): Promise<Map<K, V>>;
    },
  ) {}

  get isReading(): boolean {
    return this.reading;
  }

  /** null: there is none. Rejects with the error of the read. */
  read(key: K): Promise<V | null> {
    return new Promise((resolve, reject) => {
      const asked = this.waiting.get(key) ?? { done: [], fail: [] };
      asked.done.push(resolve);
      asked.fail.push(reject);
      this.waiting.set(key, asked);
      if (this.reading) return;
      this.reading = true;
      setImmediate(() => void this.readWaiting());
    });
  }

  private async readWaiting(): Promise<void> {
    while (this.waiting.size > 0) {
      const batch = [...this.waiting].slice(0, this.deps.max);
      for (const [key] of batch) this.waiting.delete(key);
      try {
        const found = await this.deps.read(batch.map(([key]) => key));
        for (const [key, { done }] of batch) for (const resolve of done) resolve(found.get(key) ?? null);
      } catch (error) {
        for (const [, { fail }] of batch) for (const reject of fail) reject(error);
      }
    }
    this.reading = false;
  }
}
