import { setTimeout as sleep } from 'node:timers/promises';
import { cleanText, waitAtMost, withTimeLimit } from '@cortex-mqtt/contracts';
import type { Job, Worker, WorkerOptions } from 'bullmq';
import type { JobData, JobHandlers, JobName, JobShape, RunningJob } from './job-types';
import { bullmq } from './on-demand';
import type { QueueDriver } from './queue-driver';
import { describeError } from './queue-errors';
import type { QueueLogger } from './queue-logger';
import { assertQueueName } from './typed-queue';

const FORCED_CLOSE_LIMIT_MS = 2_000;

/** Thrown by a handler: never try again, the job goes to the failed ones at once. */
export class PermanentJobError extends Error {
  /** What BullMQ knows it by. */
  override readonly name = 'UnrecoverableError';
}

export interface TypedWorkerOptions {
  /** Jobs worked at once; 1 by default. */
  concurrency?: number;
  /** Characters of the stored data of jobs worked at once, from which on no further one is fetched; default no bound. */
  max_data_length?: number;
  /** Milliseconds a job is held without a sign of life before another worker takes it; 30 s by default. */
  lock_duration_ms?: number;
  /** How often a job may be taken over from a worker that died before it counts as what kills workers; 10 by default. */
  max_stalled_count?: number;
  /** Milliseconds between looks for jobs of dead workers; 30 s by default. */
  stalled_interval_ms?: number;
  /** Completed jobs leave no trace. */
  keep_completed?: 'bounded' | 'none';
  /** Failed jobs: bounded by number and age, or kept for `keep_failed_s`. */
  keep_failed_s?: number;
}

export interface TypedWorker {
  /** Resolves when the worker takes jobs for the first time; it keeps trying while the backend is away. */
  ready(): Promise<void>;
  /** Takes no more jobs and lets the running ones end, for `grace_ms` at most. */
  close(grace_ms?: number): Promise<void>;
}

/** A worker over `driver`; it survives restarts of the backend, also one that is away at the start. */
export function createTypedWorker<J extends JobShape>(deps: {
  name: string;
  handlers: JobHandlers<J>;
  options?: TypedWorkerOptions;
  driver: QueueDriver;
  logger: QueueLogger;
}): TypedWorker {
  const { name, handlers, driver, logger } = deps;
  assertQueueName(name);
  const closing = new AbortController();
  let worker: Worker | undefined;

  const start = async (): Promise<void> => {
    let pause_ms = 100;
    while (!closing.signal.aborted) {
      let candidate: Worker | undefined;
      try {
        await driver.ready(2_000);
        if (closing.signal.aborted) return;
        candidate = createWorker({
          name,
          process: (job, token, signal) => handle(job, token ?? '', signal, handlers),
          options: deps.options ?? {},
          driver,
        });
        candidate.on('error', (error) =>
          logger.debug('queue worker error', { queue: name, error: describeError(error) }),
        );
        candidate.on('failed', (job, error) =>
          logger.warn('job failed', { queue: name, job_id: job?.id, job_name: job?.name, error: error.message }),
        );
        worker = candidate;
        await candidate.waitUntilReady();
        return;
      } catch (error) {
        // BullMQ remembers a failed start for ever; only a new object retries.
        worker = undefined;
        logger.debug('queue worker not started yet', { queue: name, error: describeError(error) });
        candidate
          ?.close(true)
          .catch((closeError: Error) => logger.debug('worker close failed', { error: closeError.message }));
        await sleep(pause_ms, undefined, { signal: closing.signal }).catch(() => undefined);
        pause_ms = Math.min(pause_ms * 2, 2_000);
      }
    }
  };
  const started = start();

  return {
    ready: () => started,
    async close(grace_ms = 10_000) {
      closing.abort();
      const closingWorker = worker;
      if (!closingWorker) return;
      const closed = closingWorker.close().then(() => true);
      const isOver = await withTimeLimit(closed, { limit_ms: grace_ms, atLimit: () => false });
      if (!isOver) await waitAtMost(FORCED_CLOSE_LIMIT_MS, closingWorker.close(true));
    },
  };
}

/** A worker that looks at what it has fetched: jobs differ in size by a factor of a million. */
function createWorker(deps: {
  name: string;
  process: (job: Job, token: string | undefined, signal: AbortSignal | undefined) => Promise<unknown>;
  options: TypedWorkerOptions;
  driver: QueueDriver;
}): Worker {
  const { name, process, options, driver } = deps;
  const { concurrency = 1, max_data_length = Number.POSITIVE_INFINITY } = options;
  const lengths = new Map<Job, number>();
  let total = 0;

  class BoundedWorker extends bullmq().Worker {
    protected override createJob(...made: Parameters<Worker['createJob']>): Job {
      const job = super.createJob(...made);
      const length = made[0].data?.length ?? 0;
      lengths.set(job, length);
      total += length;
      // One at a time until there is room again: those that are fetched go on.
      if (total >= max_data_length) this.concurrency = 1;
      return job;
    }
  }

  const worker = new BoundedWorker(
    name,
    async (job, token, signal) => {
      try {
        return await process(job, token, signal);
      } catch (error) {
        throw storable(error);
      } finally {
        ended(job);
      }
    },
    workerOptions(driver, options),
    driver.backendFactory as undefined,
  );
  const ended = (job: Job): void => {
    total -= lengths.get(job) ?? 0;
    lengths.delete(job);
    if (total < max_data_length) worker.concurrency = concurrency;
  };
  // Some fail without being worked, as those that have been taken over too often.
  worker.on('failed', (job) => {
    if (job) ended(job);
  });
  return worker;
}

/** A store that refuses the reason of a failure would have the job run for ever. */
function storable(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = cleanText(error.message);
  if (message === error.message) return error;
  error.stack = cleanText(error.stack ?? '');
  error.message = message;
  return error;
}

function workerOptions(driver: QueueDriver, options: TypedWorkerOptions): WorkerOptions {
  return {
    connection: driver.consumerConnection(),
    ...(driver.kind === 'redis' ? { prefix: driver.prefix } : {}),
    concurrency: options.concurrency ?? 1,
    lockDuration: options.lock_duration_ms ?? 30_000,
    stalledInterval: options.stalled_interval_ms ?? 30_000,
    maxStalledCount: options.max_stalled_count ?? 10,
    // BullMQ's default leaves a worker idle for 15 s after one failed query.
    runRetryDelay: 500,
    drainDelay: 5,
    ...(options.keep_completed === 'none' ? { removeOnComplete: { count: 0 } } : {}),
    ...(options.keep_failed_s === undefined ? {} : { removeOnFail: { age: options.keep_failed_s } }),
  };
}

async function handle<J extends JobShape>(
  job: Job,
  token: string,
  signal: AbortSignal | undefined,
  handlers: JobHandlers<J>,
): Promise<unknown> {
  const handler = Object.hasOwn(handlers, job.name) ? handlers[job.name as JobName<J>] : undefined;
  if (!handler) throw new PermanentJobError(`no handler for job "${job.name}"`);
  const running: RunningJob<JobName<J>, JobData<J, JobName<J>>> = {
    id: job.id ?? '',
    name: job.name as JobName<J>,
    data: job.data as JobData<J, JobName<J>>,
    attempts_made: job.attemptsMade,
    added_at_ms: job.timestamp,
    signal,
    updateData: (data) => job.updateData(data),
    async postpone(delay_ms) {
      await job.moveToDelayed(Date.now() + delay_ms, token);
      return new (bullmq().DelayedError)();
    },
  };
  return handler(running);
}
