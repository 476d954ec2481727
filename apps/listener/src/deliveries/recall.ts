import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliverySurvey, QueueLogger } from '@cortex-mqtt/queues';
import type { ParkingLot } from './parking-lot';

/** Deliveries called in one go, and the pause after it: three hundred a second. */
const CALLED_AT_ONCE = 30;
const PAUSE_MS = 100;
/** Looks through the queue: what is called leaves it, and others move up meanwhile. */
const MAX_LOOKS = 50;

export interface Recall {
  /** The destination is back: those that wait for it are called, at a pace, until it is away again. */
  call(destination: string): void;
  /**
   * At a start: what waits from before may have nobody left who looks, as when the listener ended in the middle of calling. All
   * destinations are tried, at a pace, and whichever is still away is found so by the first.
   */
  resume(): void;
  stop(): void;
}

export function createRecall(deps: {
  survey: Pick<DeliverySurvey, 'paused' | 'call'>;
  parking: ParkingLot;
  logger: QueueLogger;
}): Recall {
  const { survey, parking, logger } = deps;
  const calling = new Set<string>();
  let isStopped = false;

  /** Once through the queue; how many were called. */
  const callAll = async (destination: string): Promise<number> => {
    let called = 0;
    let batch: string[] = [];
    const callBatch = async (): Promise<void> => {
      await Promise.all(batch.map((job_id) => survey.call(job_id)));
      called += batch.length;
      batch = [];
      await sleep(PAUSE_MS);
    };
    const isOver = (): boolean => isStopped || parking.isShut(destination);
    for await (const { job_id, deferral } of survey.paused()) {
      if (isOver()) return 0;
      if (deferral?.destination !== destination) continue;
      batch.push(job_id);
      if (batch.length >= CALLED_AT_ONCE) await callBatch();
    }
    if (batch.length > 0 && !isOver()) await callBatch();
    return called;
  };

  const run = async (destination: string): Promise<void> => {
    for (let look = 0; look < MAX_LOOKS; look += 1) if ((await callAll(destination)) === 0) return;
  };

  const start = (destination: string): void => {
    if (calling.has(destination) || isStopped) return;
    calling.add(destination);
    run(destination)
      .catch((error: Error) =>
        // They come back by themselves, and the first of them that succeeds calls the others.
        logger.warn('deliveries that wait for a destination could not be called', {
          destination,
          error: error.message,
        }),
      )
      .finally(() => calling.delete(destination));
  };

  const destinationsWaitedFor = async (): Promise<Set<string>> => {
    const destinations = new Set<string>();
    for await (const { deferral } of survey.paused()) {
      if (deferral?.destination) destinations.add(deferral.destination);
    }
    return destinations;
  };

  return {
    call(destination) {
      parking.open(destination);
      start(destination);
    },
    resume() {
      destinationsWaitedFor()
        .then((destinations) => {
          for (const destination of destinations) if (!parking.isShut(destination)) start(destination);
        })
        .catch((error: Error) =>
          logger.warn('the queue could not be asked what waits for destinations', { error: error.message }),
        );
    },
    stop() {
      isStopped = true;
    },
  };
}
