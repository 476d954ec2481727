import type { Logger } from '@cortex-mqtt/observability';
import type { Part } from '../lifecycle';

/** Does something again and again, never twice at once; a failure is logged and retried at the next turn. */
export function periodic(deps: {
  name: string;
  interval_ms: number;
  /** Milliseconds until the first turn; at once by default. */
  first_after_ms?: number;
  work(): Promise<unknown>;
  logger: Logger;
}): Part {
  const { name, interval_ms, first_after_ms = 0, work, logger } = deps;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  function turn(): void {
    running = work()
      .catch((error: unknown) => logger.warn('periodic work failed; retrying', { work: name, error }))
      .then(() => {
        if (!stopped) timer = setTimeout(turn, interval_ms);
      });
  }

  return {
    name,
    start: () => {
      if (first_after_ms === 0) turn();
      else timer = setTimeout(turn, first_after_ms);
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
