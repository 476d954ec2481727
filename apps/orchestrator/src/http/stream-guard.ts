import type { Response } from 'express';
import { AppError } from './app-error';

/** Below the keep-alive of a stream, so that none outlives its credential by more than that. */
const RECHECK_MS = 10_000;

/** Throws when who asked may not have the answer any more. */
export type Recheck = () => Promise<void>;

/**
 * Ends answers that are still being written once their caller may not have them any more: signed out, token revoked or over,
 * user disabled, grant taken away. The browser's next attempt then gets the reason.
 */
export class StreamGuard {
  private readonly open = new Map<Response, Recheck>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly interval_ms: number = RECHECK_MS) {}

  watch(response: Response, recheck: Recheck): void {
    if (response.destroyed || response.writableEnded) return;
    this.open.set(response, recheck);
    response.once('close', () => {
      this.open.delete(response);
      if (this.open.size === 0) this.rest();
    });
    this.timer ??= setInterval(() => void this.recheckAll(), this.interval_ms).unref();
  }

  /** One after the other: a thousand streams must not take all connections of the pool at once. */
  private async recheckAll(): Promise<void> {
    for (const [response, recheck] of [...this.open]) {
      try {
        await recheck();
      } catch (error) {
        // A database that is away says nothing about rights: asked again next time.
        if (error instanceof AppError && error.status < 500) response.end();
      }
    }
  }

  private rest(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }
}
