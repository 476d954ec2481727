import { withTimeLimit } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';

/** One thing that runs. `stop` may be called although `start` failed or never came. */
export interface Part {
  name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** Starts parts in order and stops them in reverse, each within a time limit. */
export class Lifecycle {
  private readonly started: Part[] = [];
  private stopping: Promise<void> | null = null;

  constructor(private readonly deps: { logger: Logger; stop_limit_ms: number }) {}

  /** Rejects with the part's error; what has started stays up until `stop()`. */
  async start(part: Part): Promise<void> {
    if (this.stopping) return;
    this.started.push(part);
    await part.start?.();
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    for (const part of this.started.reverse()) {
      try {
        await withTimeLimit((async () => part.stop?.())(), { limit_ms: this.deps.stop_limit_ms, atLimit: tookTooLong });
      } catch (error) {
        this.deps.logger.warn('did not stop cleanly', { part: part.name, error });
      }
    }
  }
}

function tookTooLong(): never {
  throw new Error('took too long');
}
