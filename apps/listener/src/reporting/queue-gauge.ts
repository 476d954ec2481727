import type { DeliveryJournal } from '@cortex-mqtt/queues';
import type { Logger } from '@cortex-mqtt/observability';

const EVERY_MS = 5_000;

export interface QueueFault {
  code: 'QUEUE_PAUSED' | 'QUEUE_UNREACHABLE';
  since: string;
  message: string;
  advice: string;
}

/** A queue that does not answer for a moment is no news. */
const UNREACHABLE_AFTER_MS = 10_000;

/** How much waits in the product's queue, as far as it is known. */
export interface QueueGauge {
  depth(): number | null;
  /** Milliseconds since the oldest delivery was put there; null = none waits, or not known. */
  oldest_ms(): number | null;
  /** Why nothing in the queue is worked now; null when it is, or not known yet. */
  fault(): QueueFault | null;
  stop(): void;
}

/** Asks the queue every now and then; while it can't be reached nothing is known. */
export function startQueueGauge(deps: {
  journal: Pick<DeliveryJournal, 'depth' | 'oldestAddedAt' | 'isPaused'>;
  logger: Logger;
  every_ms?: number;
  unreachable_after_ms?: number;
}): QueueGauge {
  const unreachable_after_ms = deps.unreachable_after_ms ?? UNREACHABLE_AFTER_MS;
  let paused_since_ms: number | null = null;
  let unreachable_since_ms: number | null = null;
  let depth: number | null = null;
  let oldest_at_ms: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let is_stopped = false;

  const look = async (): Promise<void> => {
    try {
      depth = await deps.journal.depth();
      oldest_at_ms = depth === 0 ? null : await deps.journal.oldestAddedAt();
      paused_since_ms = (await deps.journal.isPaused()) ? (paused_since_ms ?? Date.now()) : null;
      unreachable_since_ms = null;
    } catch (error) {
      deps.logger.debug('the depth of the queue could not be read', { error });
      depth = null;
      oldest_at_ms = null;
      unreachable_since_ms ??= Date.now();
    }
    if (is_stopped) return;
    timer = setTimeout(() => void look(), deps.every_ms ?? EVERY_MS);
    timer.unref();
  };
  void look();

  return {
    depth: () => depth,
    oldest_ms: () => (oldest_at_ms === null ? null : Math.max(0, Date.now() - oldest_at_ms)),
    fault() {
      if (unreachable_since_ms !== null && Date.now() - unreachable_since_ms >= unreachable_after_ms) {
        return {
          code: 'QUEUE_UNREACHABLE',
          since: new Date(unreachable_since_ms).toISOString(),
          message:
            'The deliveries queue cannot be reached: no retry runs, and what fails now stays unacknowledged at the broker.',
          advice:
            'Check whether Redis, or the Postgres that carries the queue, runs and can be reached from the listener.',
        };
      }
      if (paused_since_ms === null) return null;
      const waiting =
        depth === null || depth === 0 ? '' : ` ${depth} ${depth === 1 ? 'delivery waits' : 'deliveries wait'}.`;
      return {
        code: 'QUEUE_PAUSED',
        since: new Date(paused_since_ms).toISOString(),
        message: `Somebody has paused the deliveries queue: no retry runs.${waiting}`,
        advice: 'Resume the queue in the job dashboard (/admin/queues).',
      };
    },
    stop() {
      is_stopped = true;
      clearTimeout(timer);
    },
  };
}
