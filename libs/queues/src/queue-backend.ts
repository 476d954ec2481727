import { waitAtMost } from '@cortex-mqtt/contracts';
import type { JobsOptions, QueueEvents } from 'bullmq';
import type { JobHandlers, JobShape } from './job-types';
import { bullmq } from './on-demand';
import { createPostgresDriver } from './postgres-driver';
import type { JobSize, QueueDriver } from './queue-driver';
import { withQueueLimit } from './queue-errors';
import type { QueueLogger } from './queue-logger';
import { createRedisDriver } from './redis-driver';
import { createTypedQueue, type TypedQueue } from './typed-queue';
import { createTypedWorker, type TypedWorker, type TypedWorkerOptions } from './typed-worker';

/** Milliseconds one operation may take before it counts as "the queue is away". */
const DEFAULT_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 3_000;

/** The one door to the queues of a process. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  readonly prefix: string;
  /** Waits until the backend is reachable and prepared. @throws QueueUnavailableError after the limit. */
  ready(limit_ms?: number): Promise<void>;
  /** Producer of a queue; the same object for the same name. */
  queue<J extends JobShape>(name: string, options?: { retention?: JobsOptions }): TypedQueue<J>;
  worker<J extends JobShape>(name: string, handlers: JobHandlers<J>, options?: TypedWorkerOptions): TypedWorker;
  /** BullMQ's event stream of a queue; the caller closes it. */
  events(name: string): Promise<QueueEvents>;
  /** Every queue that has been used, of all processes. */
  listQueueNames(): Promise<string[]>;
  /** Deletes a queue with everything in it, such as the control queue of an instance that is gone. */
  removeQueue(name: string): Promise<void>;
  /** Failed jobs of a queue and the bytes that their data takes, oldest first. */
  failedSizes(name: string): Promise<JobSize[]>;
  /** How many failed jobs queues have, asked at once; one without any may be missing. @throws QueueUnavailableError */
  failedCounts(names: readonly string[]): Promise<Map<string, number>>;
  /** Settings of the backend that can lose jobs, in words. */
  check(): Promise<string[]>;
  /** @throws QueueUnavailableError */
  ping(limit_ms?: number): Promise<void>;
  /** Closes all producers and workers made here. */
  close(): Promise<void>;
}

/**
 * Opens a backend by URL: `redis://` and `rediss://` by ioredis, `postgres://` and `postgresql://` by BullMQ's
 * PostgreSQL backend. `prefix` is the key prefix on Redis (`bull` by default, as downstream workers expect) and the
 * schema on Postgres (`bullmq`). Nothing is thrown while the backend is away; operations throw then.
 * @throws TypeError for another scheme.
 */
export function createQueueBackend(deps: {
  url: string;
  prefix?: string;
  logger: QueueLogger;
  /** Milliseconds one operation may take; 5 s by default. */
  limit_ms?: number;
}): QueueBackend {
  const { logger } = deps;
  const limit_ms = deps.limit_ms ?? DEFAULT_LIMIT_MS;
  const driver = createDriver(deps);
  const queues = new Map<string, TypedQueue<JobShape>>();
  const workers = new Set<TypedWorker>();

  const run = async <T>(what: string, operation: () => Promise<T>, limit = limit_ms): Promise<T> => {
    await driver.ready(limit);
    return withQueueLimit(what, limit, operation());
  };

  const queue = <J extends JobShape>(name: string, options: { retention?: JobsOptions } = {}): TypedQueue<J> => {
    let found = queues.get(name);
    if (!found) {
      found = createTypedQueue<JobShape>({ name, driver, logger, limit_ms, retention: options.retention });
      queues.set(name, found);
    }
    return found as unknown as TypedQueue<J>;
  };

  return {
    kind: driver.kind,
    prefix: driver.prefix,
    ready: (limit = limit_ms) => driver.ready(limit),
    queue,

    worker(name, handlers, options) {
      const worker = createTypedWorker({ name, handlers, options, driver, logger });
      workers.add(worker);
      return {
        ready: () => worker.ready(),
        close: async (grace_ms) => {
          workers.delete(worker);
          await worker.close(grace_ms);
        },
      };
    },

    async events(name) {
      await driver.ready(limit_ms);
      const events = new (bullmq().QueueEvents)(
        name,
        {
          connection: driver.consumerConnection(),
          ...(driver.kind === 'redis' ? { prefix: driver.prefix } : {}),
        },
        driver.backendFactory as undefined,
      );
      events.on('error', (error) => logger.debug('queue events error', { queue: name, error: error.message }));
      await events.waitUntilReady();
      return events;
    },

    listQueueNames: () => run('listQueueNames', () => driver.listQueueNames()),

    async removeQueue(name) {
      const removed = queue(name);
      await removed.obliterate();
      queues.delete(name);
      await removed.close();
    },

    failedSizes: (name) => run('failedSizes', () => driver.failedSizes(name)),
    failedCounts: (names) => run('failedCounts', () => driver.failedCounts(names)),
    check: () => run('check', () => driver.check()),
    ping: (limit = limit_ms) => run('ping', () => driver.ping(), limit),

    async close() {
      await Promise.all([...workers].map((worker) => worker.close()));
      workers.clear();
      await waitAtMost(CLOSE_LIMIT_MS, Promise.all([...queues.values()].map((open) => open.close())));
      queues.clear();
      // A query that the server never answers must not keep the process from ending.
      await waitAtMost(CLOSE_LIMIT_MS, driver.close());
    },
  };
}

function createDriver(deps: { url: string; prefix?: string; logger: QueueLogger }): QueueDriver {
  const scheme = /^([a-z]+):\/\//.exec(deps.url)?.[1];
  switch (scheme) {
    case 'redis':
    case 'rediss':
      return createRedisDriver({ ...deps, prefix: deps.prefix ?? 'bull' });
    case 'postgres':
    case 'postgresql':
      return createPostgresDriver({ ...deps, prefix: deps.prefix ?? 'bullmq' });
    default:
      throw new TypeError('a queue URL begins with redis://, rediss:// or postgres://');
  }
}
