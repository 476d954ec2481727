import type { ConnectionOptions } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { ioredis } from './on-demand';
import type { JobSize, QueueDriver } from './queue-driver';
import { describeError, QueueUnavailableError } from './queue-errors';
import type { QueueLogger } from './queue-logger';

const RECONNECT_MAX_MS = 1_000;
const SIZES_AT_ONCE = 1_000;

/**
 * Redis by ioredis. Producers share one connection that never buffers while Redis is away and never sends a command
 * again by itself: the caller must learn that the queue is down, and decide.
 */
export function createRedisDriver(deps: { url: string; prefix: string; logger: QueueLogger }): QueueDriver {
  const { url, prefix, logger } = deps;
  const common: RedisOptions = {
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), RECONNECT_MAX_MS),
    connectTimeout: 5_000,
    keepAlive: 10_000,
  };
  const client = new (ioredis().Redis)(url, {
    ...common,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // A command that was under way when the connection broke fails at once.
    maxRetriesPerRequest: 0,
  });
  // BullMQ adds listeners for each queue that uses the shared connection, and does sums with the limit (0 would be 3).
  client.setMaxListeners(100_000);
  let closed = false;
  let down = false;
  client.on('error', (error) => {
    if (down || closed) return;
    down = true;
    logger.warn('queue connection lost', { backend: 'redis', error: describeError(error) });
  });
  client.on('ready', () => {
    if (down) logger.info('queue connection restored', { backend: 'redis' });
    down = false;
  });

  return {
    kind: 'redis',
    prefix,
    backendFactory: undefined,
    ready: (limit_ms) => waitForReady(client, limit_ms),
    producerConnection: () => client as unknown as ConnectionOptions,
    consumerConnection: () => ({ ...common, url, maxRetriesPerRequest: null }) as ConnectionOptions,

    async listQueueNames() {
      const names = new Set<string>();
      const suffix = ':meta';
      for await (const keys of client.scanStream({ match: `${escapeGlob(prefix)}:*${suffix}`, count: 500 })) {
        for (const key of keys as string[]) names.add(key.slice(prefix.length + 1, -suffix.length));
      }
      return [...names].sort();
    },

    async failedSizes(name) {
      const job_ids = await client.zrange(`${prefix}:${name}:failed`, 0, -1);
      const sizes: JobSize[] = [];
      for (let start = 0; start < job_ids.length; start += SIZES_AT_ONCE) {
        const some = job_ids.slice(start, start + SIZES_AT_ONCE);
        const asked = client.pipeline();
        for (const job_id of some) asked.hstrlen(`${prefix}:${name}:${job_id}`, 'data');
        const answers = (await asked.exec()) ?? [];
        for (const [index, job_id] of some.entries()) sizes.push({ job_id, bytes: Number(answers[index]?.[1] ?? 0) });
      }
      return sizes;
    },

    async failedCounts(names) {
      const counts = new Map<string, number>();
      for (let start = 0; start < names.length; start += SIZES_AT_ONCE) {
        const some = names.slice(start, start + SIZES_AT_ONCE);
        const asked = client.pipeline();
        for (const name of some) asked.zcard(`${prefix}:${name}:failed`);
        const answers = (await asked.exec()) ?? [];
        for (const [index, name] of some.entries()) {
          const [error, count] = answers[index] ?? [new Error('Redis did not answer')];
          if (error) throw error;
          counts.set(name, Number(count));
        }
      }
      return counts;
    },

    async forget(name) {
      for await (const keys of client.scanStream({ match: `${escapeGlob(`${prefix}:${name}`)}:*`, count: 500 })) {
        if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
      }
    },

    async check() {
      const info = `${await client.info('persistence')}\n${await client.info('memory')}`;
      const warnings: string[] = [];
      if (/^aof_enabled:0/m.test(info)) {
        warnings.push(
          'Redis keeps no append-only file (appendonly no): every queued job since the last snapshot is lost when Redis is killed. Set "appendonly yes".',
        );
      }
      const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
      if (policy && policy !== 'noeviction') {
        warnings.push(
          `Redis may evict queued jobs when memory is short (maxmemory-policy ${policy}). Set "maxmemory-policy noeviction".`,
        );
      }
      return warnings;
    },

    async ping() {
      await client.ping();
    },

    close() {
      closed = true;
      client.disconnect();
      return Promise.resolve();
    },
  };
}

function waitForReady(client: Redis, limit_ms: number): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      client.off('ready', done);
      reject(new QueueUnavailableError(`Redis is not reachable (${client.status})`, 'not_done'));
    }, limit_ms);
    client.once('ready', done);
  });
}

const escapeGlob = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&');
