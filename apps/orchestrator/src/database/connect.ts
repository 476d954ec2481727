import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';

const TRY_EVERY_MS = 1_000;
const LOG_EVERY_MS = 10_000;

/**
 * Connects, waiting for a Postgres that is not there yet.
 * @throws the last error once `wait_ms` is over, or at once when `signal` is aborted.
 */
export async function connectDatabase(
  dataSource: DataSource,
  options: { wait_ms: number; logger: Logger; signal: AbortSignal },
): Promise<void> {
  const started = Date.now();
  let next_log = 0;
  for (;;) {
    try {
      await dataSource.initialize();
      return;
    } catch (error) {
      const waited_ms = Date.now() - started;
      if (waited_ms >= options.wait_ms || options.signal.aborted) {
        throw new Error(`PostgreSQL could not be reached: ${reasonOf(error)}`, { cause: error });
      }
      if (waited_ms >= next_log) {
        next_log = waited_ms + LOG_EVERY_MS;
        options.logger.warn('waiting for PostgreSQL', {
          reason: reasonOf(error),
          waited_s: Math.round(waited_ms / 1_000),
          give_up_after_s: Math.round(options.wait_ms / 1_000),
        });
      }
      await delay(TRY_EVERY_MS, undefined, { signal: options.signal });
    }
  }
}

/** Node gives an AggregateError without a message when all addresses of a host refuse. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
