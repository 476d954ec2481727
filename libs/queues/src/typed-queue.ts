import type { JobState, JobsOptions, JobType, Queue } from 'bullmq';
import type { AddOptions, JobData, JobName, JobShape } from './job-types';
import { bullmq } from './on-demand';
import type { QueueDriver } from './queue-driver';
import { isUnavailable, JobFailedError, QueueUnavailableError, withQueueLimit } from './queue-errors';
import type { QueueLogger } from './queue-logger';

/** Finished jobs are kept for a look, bounded in number and age. */
export const DEFAULT_RETENTION = {
  removeOnComplete: { count: 200, age: 24 * 3600 },
  removeOnFail: { count: 1_000, age: 7 * 24 * 3600 },
} satisfies JobsOptions;

/** Producer of one queue. Every call has its own time limit; while the backend is away it throws QueueUnavailableError. */
export interface TypedQueue<J extends JobShape> {
  readonly name: string;
  /** Adds a job and gives its id. */
  add<N extends JobName<J>>(name: N, data: JobData<J, N>, options?: AddOptions): Promise<string>;
  /** Adds many in one write; all or none become visible. */
  addBulk(
    jobs: { name: JobName<J>; data: J['data']; options?: Omit<AddOptions, 'limit_ms'> }[],
    options?: { limit_ms?: number; onLateSuccess?: () => void },
  ): Promise<void>;
  /**
   * Adds a job and waits for its return value. Throws JobFailedError with the worker's message, or
   * QueueUnavailableError when it has not ended after `timeout_ms`; a job that has not begun by then is taken back.
   * `result: 'remove'` takes the job out of the queue once its value has been read; else it stays for a look.
   */
  runAndWait<N extends JobName<J>>(
    name: N,
    data: JobData<J, N>,
    options: { timeout_ms: number; result?: 'keep' | 'remove' },
  ): Promise<unknown>;
  counts(): Promise<Record<string, number>>;
  /** Takes a job away; false when it is gone or being worked. */
  remove(job_id: string): Promise<boolean>;
  /** Deletes the queue with everything in it. */
  obliterate(): Promise<void>;
  /** BullMQ's own object, for the dashboard and for what has no typed method. Closed with the backend. */
  bull(): Promise<Queue>;
  /** Runs an operation on BullMQ's queue within the time limit. */
  run<T>(what: string, operation: (queue: Queue) => Promise<T>, limit_ms?: number): Promise<T>;
  close(): Promise<void>;
}

/** A producer over `driver`. */
export function createTypedQueue<J extends JobShape>(deps: {
  name: string;
  driver: QueueDriver;
  logger: QueueLogger;
  limit_ms: number;
  retention?: JobsOptions;
}): TypedQueue<J> {
  const { name, driver, logger } = deps;
  assertQueueName(name);
  let current: Queue | undefined;
  let isClosed = false;

  const open = async (): Promise<Queue> => {
    if (isClosed) throw new QueueUnavailableError(`queue ${name} is closed`, 'not_done');
    if (!current) {
      current = new (bullmq().Queue)(
        name,
        {
          connection: driver.producerConnection(),
          prefix: driver.kind === 'redis' ? driver.prefix : undefined,
          skipMetasUpdate: false,
          defaultJobOptions: { ...DEFAULT_RETENTION, ...deps.retention },
        },
        driver.backendFactory as undefined,
      );
      current.on('error', (error) => logger.debug('queue error', { queue: name, error: error.message }));
    }
    const opened = current;
    try {
      await opened.waitUntilReady();
    } catch (error) {
      // BullMQ remembers a failed start for ever; only a new object retries.
      if (current === opened) current = undefined;
      opened.close().catch((closing: Error) => logger.debug('queue close failed', { error: closing.message }));
      throw error;
    }
    return opened;
  };

  const run = async <T>(
    what: string,
    operation: (queue: Queue) => Promise<T>,
    limit_ms = deps.limit_ms,
    onLateSuccess?: (value: T) => void,
  ): Promise<T> => {
    const started = Date.now();
    await driver.ready(limit_ms);
    const left_ms = Math.max(50, limit_ms - (Date.now() - started));
    return withQueueLimit(`${what} on ${name}`, left_ms, open().then(operation), onLateSuccess);
  };

  const add = (
    jobName: string,
    data: unknown,
    options: AddOptions = {},
    onLateSuccess?: (job_id: string) => void,
  ): Promise<string> =>
    run(
      'add',
      async (queue) => {
        const job = await queue.add(jobName, data, toBullOptions(options));
        return job.id ?? '';
      },
      options.limit_ms,
      onLateSuccess,
    );

  return {
    name,
    add,

    async addBulk(jobs, options = {}) {
      await run(
        'addBulk',
        (queue) =>
          queue.addBulk(
            jobs.map((job) => ({ name: job.name, data: job.data, opts: toBullOptions(job.options ?? {}) })),
          ),
        options.limit_ms,
        () => options.onLateSuccess?.(),
      );
    },

    async runAndWait(jobName, data, { timeout_ms, result = 'keep' }) {
      const takeBack = async (id: string): Promise<void> => {
        const removing = run('remove', (queue) => queue.remove(id), 1_000);
        await removing.catch((error: Error) => logger.debug('job not removed', { queue: name, error: error.message }));
      };
      const ends_at = Date.now() + timeout_ms;
      const limit_ms = Math.min(deps.limit_ms, timeout_ms);
      // Nobody waits any more for one that gets there too late.
      const id = await add(jobName, data, { limit_ms }, (late) => void takeBack(late));
      let pause_ms = 10;
      let state: JobState | 'unknown' = 'waiting';
      while (Date.now() < ends_at) {
        // Asked again and again rather than heard by QueueEvents: one connection less, and a restart of the backend in
        // between costs nothing.
        try {
          state = await run('getState', (queue) => queue.getJobState(id), Math.max(50, ends_at - Date.now()));
          if (state === 'completed' || state === 'failed' || state === 'unknown') {
            const job = await run('getJob', (queue) => queue.getJob(id));
            if (result === 'remove') await takeBack(id);
            return await resultOf(job, name);
          }
        } catch (error) {
          if (!isUnavailable(error)) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(pause_ms, Math.max(1, ends_at - Date.now()))));
        pause_ms = Math.min(pause_ms * 1.5, 150);
      }
      await takeBack(id);
      throw new QueueUnavailableError(`job ${jobName} on ${name} has not ended within ${timeout_ms} ms`, 'unknown');
    },

    counts: () => run('counts', (queue) => queue.getJobCounts(...COUNTED_STATES)),

    async remove(job_id) {
      try {
        return (await run('remove', (queue) => queue.remove(job_id))) > 0;
      } catch (error) {
        if (error instanceof Error && /locked/i.test(error.message)) return false;
        throw error;
      }
    },

    async obliterate() {
      await run('obliterate', (queue) => queue.obliterate({ force: true }), 30_000);
      await withQueueLimit(`forget ${name}`, deps.limit_ms, driver.forget(name));
      // The object would write its metadata again at the next use; a new one does so knowingly.
      const obliterated = current;
      current = undefined;
      await obliterated?.close();
    },

    bull: () => run('open', (queue) => Promise.resolve(queue)),
    run: (what, operation, limit_ms) => run(what, operation, limit_ms),

    async close() {
      isClosed = true;
      const closing = current;
      current = undefined;
      await closing?.close();
    },
  };
}

export const COUNTED_STATES = [
  'waiting',
  'active',
  'delayed',
  'prioritized',
  'failed',
  'completed',
] satisfies JobType[];

async function resultOf(
  job: { returnvalue: unknown; failedReason?: string; finishedOn?: number } | undefined,
  queue: string,
): Promise<unknown> {
  if (!job) throw new QueueUnavailableError(`the job on ${queue} is gone`, 'unknown');
  if (job.failedReason) throw new JobFailedError(job.failedReason);
  return job.returnvalue;
}

/** @throws RangeError for names that BullMQ refuses. */
export function assertQueueName(name: string): void {
  if (name === '' || name.includes(':')) throw new RangeError(`queue name must not be empty or hold ":": ${name}`);
}

function toBullOptions(options: AddOptions): JobsOptions {
  const { job_id, delay_ms, priority, attempts, backoff_ms, telemetry } = options;
  if (job_id !== undefined && (job_id.includes(':') || /^\d+$/.test(job_id))) {
    throw new RangeError(`job id must not hold ":" or be an integer: ${job_id}`);
  }
  return {
    ...(job_id === undefined ? {} : { jobId: job_id }),
    ...(delay_ms === undefined ? {} : { delay: delay_ms }),
    ...(priority === undefined ? {} : { priority }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(telemetry === undefined ? {} : { telemetry: { metadata: telemetry } }),
    ...(backoff_ms === undefined ? {} : { backoff: { type: 'exponential', delay: backoff_ms } }),
  };
}
