import type { DeliveryJournal } from '@cortex-mqtt/queues';
import type { Logger } from '@cortex-mqtt/observability';

const EVERY_MS = 5_000;

/** How much waits in the product's queue, as far as it is known. */
export interface QueueGauge {
  depth(): number | null;
  /** Milliseconds since the oldest delivery was put there; null = none waits, or not known. */
  oldest_ms(): number | null;
  stop(): void;
}

/** Asks the queue every now and then; while it can't be reached nothing is known. */
export function startQueueGauge(deps: {
  journal: Pick<DeliveryJournal, 'depth' | 'oldestAddedAt'>;
  logger: Logger;
  every_ms?: number;
}): QueueGauge {
  let depth: number | null = null;
  let oldest_at_ms: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let is_stopped = false;

  const look = async (): Promise<void> => {
    try {
      depth = await deps.journal.depth();
      oldest_at_ms = depth === 0 ? null : await deps.journal.oldestAddedAt();
    } catch (error) {
      deps.logger.debug('the queue could not be asked what waits in it', { error });
      depth = null;
      oldest_at_ms = null;
    }
    if (is_stopped) return;
    timer = setTimeout(() => void look(), deps.every_ms ?? EVERY_MS);
    timer.unref();
  };
  void look();

  return {
    depth: () => depth,
    oldest_ms: () => (oldest_at_ms === null ? null : Math.max(0, Date.now() - oldest_at_ms)),
    stop() {
      is_stopped = true;
      clearTimeout(timer);
    },
  };
}
