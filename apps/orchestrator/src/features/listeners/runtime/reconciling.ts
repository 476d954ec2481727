import type { Logger } from '@cortex-mqtt/observability';

const EVERY_MS = 15_000;

/** Runs one piece of work every 15 s and whenever asked to, never twice at once. */
export class Reconciling {
  is_stopped = false;
  private interval: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private is_asked = false;

  constructor(private readonly deps: { work(): Promise<void>; what: string; logger: Logger }) {}

  /** Resolves when the first run has ended, however it ended. */
  async start(): Promise<void> {
    this.interval = setInterval(() => this.again(), EVERY_MS);
    this.again();
    await this.running;
  }

  again(): void {
    if (this.is_stopped) return;
    if (this.running) {
      this.is_asked = true;
      return;
    }
    const { work, what, logger } = this.deps;
    this.running = work()
      .catch((error: unknown) => logger.warn(`listener ${what} could not be reconciled; trying again`, { error }))
      .finally(() => {
        this.running = null;
        if (!this.is_asked) return;
        this.is_asked = false;
        this.again();
      });
  }

  async stop(): Promise<void> {
    this.is_stopped = true;
    if (this.interval) clearInterval(this.interval);
    await this.running;
  }
}
