import { type DeliveryJob, type DeliveryJobData, type ProductId, queueNames } from '@cortex-mqtt/contracts';
import type { Job, Queue } from 'bullmq';
import { bullmq } from '../on-demand';
import type { QueueBackend } from '../queue-backend';
import { describeError } from '../queue-errors';
import type { QueueLogger } from '../queue-logger';
import type { TypedQueue } from '../typed-queue';
import { cleanJobData, writeTolerantly } from './delivery-content';

/** How long dead letters are kept, seconds. */
export const DEAD_LETTERS_KEPT_S = 30 * 24 * 3600;

/** Operations on single jobs that are under way at once. */
const PARALLEL_OPERATIONS = 64;

/** A delivery to write, due after `delay_ms`: its lease when an attempt is under way, else its pause. */
export interface JournalEntry {
  job_id: string;
  data: DeliveryJobData;
  delay_ms: number;
  /** The higher the later; absent = before all that have one. */
  priority?: number;
}

/**
 * The producer's side of a product's deliveries queue: what a listener writes before it acknowledges a message. All
 * operations throw QueueUnavailableError while the queue is away.
 */
export interface DeliveryJournal {
  /**
   * Writes all or none. One that the queue refuses for what is in it is written without what can be at fault, when it is the
   * only one.
   * What is written after the time limit all the same is taken away again.
   */
  write(entries: JournalEntry[]): Promise<void>;
  /** Moves the leases of deliveries that are still being attempted; gives the ids that are not leased any more. */
  renew(job_ids: string[], lease_ms: number): Promise<string[]>;
  /** Takes deliveries away that have succeeded; gives the ids of those that a worker may have just now. */
  remove(job_ids: string[]): Promise<string[]>;
  /** Stores what has been tried and when it is due again; false when another listener has taken it meanwhile. */
  reschedule(entry: JournalEntry): Promise<boolean>;
  /** Deliveries that wait or are being worked, dead ones not counted. */
  depth(): Promise<number>;
  /** Somebody has paused the queue, as the job dashboard can: nothing in it is worked. */
  isPaused(): Promise<boolean>;
  /** Milliseconds since the epoch at which the oldest delivery of those due first was added; null when none waits. */
  oldestAddedAt(): Promise<number | null>;
}

export function createDeliveryJournal(deps: {
  backend: QueueBackend;
  product_id: ProductId;
  limit_ms?: number;
  /** Hears of a delivery that could only be written without its history and properties. */
  logger?: QueueLogger;
}): DeliveryJournal {
  const queue: TypedQueue<DeliveryJob> = deliveriesQueue(deps.backend, deps.product_id);
  const limit_ms = deps.limit_ms;

  const reduced = (job_id: string) => (error: unknown) =>
    deps.logger?.warn('a delivery was written without its history and properties: the queue refused it with them', {
      queue: queue.name,
      job_id,
      error: describeError(error),
    });

  const add = (entries: JournalEntry[]): Promise<void> =>
    queue.addBulk(
      entries.map(({ job_id, data, delay_ms, priority }) => ({
        name: 'deliver',
        data,
        options: { job_id, delay_ms, priority },
      })),
      {
        limit_ms,
        onLateSuccess: () => {
          // If this fails too the deliveries run a second time, under the same idempotency ids.
          removeAll(entries.map((entry) => entry.job_id)).catch(() => undefined);
        },
      },
    );

  const removeAll = (job_ids: string[]): Promise<string[]> =>
    queue.run(
      'remove',
      async (bull) => {
        const taken: string[] = [];
        await inParallel(job_ids, async (id) => {
          try {
            // 0: it is gone already, or (on PostgreSQL) a worker has it.
            if ((await bull.remove(id, { removeChildren: false })) === 0) taken.push(id);
          } catch (error) {
            if (!isTaken(error)) throw error;
            taken.push(id);
          }
        });
        return taken;
      },
      limit_ms,
    );

  return {
    async write(entries) {
      const [only] = entries;
      if (entries.length === 1 && only) {
        await writeTolerantly(only.data, (data) => add([{ ...only, data }]), reduced(only.job_id));
      } else await add(entries.map((entry) => ({ ...entry, data: cleanJobData(entry.data) })));
    },

    renew: (job_ids, lease_ms) =>
      queue.run(
        'renew',
        async (bull) => {
          const lost: string[] = [];
          await inParallel(job_ids, async (id) => {
            if (!(await changeDelay(bull, id, lease_ms))) lost.push(id);
          });
          return lost;
        },
        limit_ms,
      ),

    remove: removeAll,

    reschedule: ({ job_id, data, delay_ms }) =>
      queue.run(
        'reschedule',
        async (bull) => {
          try {
            await writeTolerantly(data, (written) => handleOf(bull, job_id).updateData(written), reduced(job_id));
          } catch (error) {
            if (isTaken(error)) return false;
            throw error;
          }
          return changeDelay(bull, job_id, delay_ms);
        },
        limit_ms,
      ),

    async depth() {
      const counts = await queue.counts();
      return (counts.waiting ?? 0) + (counts.active ?? 0) + (counts.delayed ?? 0) + (counts.prioritized ?? 0);
    },

    isPaused: () => queue.run('paused', (bull) => bull.isPaused()),

    oldestAddedAt: () =>
      queue.run('oldest', async (bull) => {
        const jobs = await bull.getJobs(['wait', 'active', 'delayed'], 0, 0, true);
        const added = jobs.filter((job) => job !== undefined).map((job) => job.timestamp);
        return added.length === 0 ? null : Math.min(...added);
      }),
  };
}

/** The queue of a product's deliveries: completed ones leave nothing, failed ones are the dead letters. */
export function deliveriesQueue(backend: QueueBackend, product_id: ProductId): TypedQueue<DeliveryJob> {
  return backend.queue<DeliveryJob>(queueNames.deliveries(product_id), {
    retention: {
      removeOnComplete: true,
      removeOnFail: { age: DEAD_LETTERS_KEPT_S },
      // The listener counts attempts itself. These are for what goes wrong around an attempt, such as the queue going
      // away just then: no reason to make a dead letter of it.
      attempts: 1_000_000,
      backoff: { type: 'fixed', delay: 5_000 },
    },
  });
}

/**
 * Lets a job that waits in a pause begin at once; false when it doesn't wait any more. By its delay: BullMQ's `promote` on
 * PostgreSQL reads the state without a lock and would make one waiting again that a worker has just taken.
 */
export function makeDue(queue: TypedQueue<DeliveryJob>, job_id: string): Promise<boolean> {
  return queue.run('make due', (bull) => changeDelay(bull, job_id, 0));
}

/** A job object without a round trip to fetch it; only its id is used. */
const handleOf = (queue: Queue, job_id: string): Job => new (bullmq().Job)(queue, 'deliver', {}, {}, job_id);

async function changeDelay(queue: Queue, job_id: string, delay_ms: number): Promise<boolean> {
  try {
    await handleOf(queue, job_id).changeDelay(delay_ms);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** BullMQ's ways of saying that a job is gone or in another's hands. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && /missing key|not in the \w+ state|locked|could not be removed/i.test(error.message);
}

/** Runs `work` for all items, a bounded number at once; the first error is thrown after all have ended. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  parallel = PARALLEL_OPERATIONS,
): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as T;
      next += 1;
      await work(item);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(parallel, items.length) }, runner));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
