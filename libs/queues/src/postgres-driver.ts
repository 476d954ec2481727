import type { BackendFactory, ConnectionOptions, createPostgresBackend } from 'bullmq';
import type { Pool } from 'pg';
import { bullmq, postgres } from './on-demand';
import type { QueueDriver } from './queue-driver';
import { describeError, QueueUnavailableError, withQueueLimit } from './queue-errors';
import type { QueueLogger } from './queue-logger';

/** Connections that all producers of one process share at most. */
const PRODUCER_CONNECTIONS = 6;
/** Connections of one worker, its LISTEN connection not counted. */
const CONSUMER_CONNECTIONS = 4;

/**
 * BullMQ's PostgreSQL backend. Its tables live in a schema of their own (`prefix`), so they never meet the
 * application's. The schema is migrated by whoever comes first: BullMQ serialises migrations with an advisory lock.
 */
export function createPostgresDriver(deps: { url: string; prefix: string; logger: QueueLogger }): QueueDriver {
  const { url, prefix, logger } = deps;
  const { assertSchemaCompatibility, quoteSchemaName, runMigrations } = bullmq();
  const schema = quoteSchemaName(prefix);
  const connection = {
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    idleTimeoutMillis: 30_000,
  };
  const pool = new (postgres().Pool)({
    ...connection,
    max: PRODUCER_CONNECTIONS,
    query_timeout: 30_000,
    options: `-c search_path=${schema}`,
  });
  pool.setMaxListeners(0);
  // An idle connection that the server ends is no event: the next query opens another.
  pool.on('error', (error) => logger.debug('queue connection ended', { backend: 'postgres', error: error.message }));
  hearErrorsInUse(pool);

  let migrated: Promise<void> | undefined;
  const migrate = async (): Promise<void> => {
    const client = await pool.connect();
    try {
      const { rows } = await client.query<{ may_create: boolean }>(
        `SELECT has_database_privilege(current_database(), 'CREATE') AS may_create`,
      );
      // A listener's role only uses what the orchestrator has made.
      if (rows[0]?.may_create !== true) {
        await assertSchemaCompatibility(client, prefix);
        return;
      }
      // Ends up in BullMQ's own transaction and advisory lock, so several processes may start at once.
      await runMigrations(client, prefix);
    } finally {
      client.release();
    }
  };
  const ensureMigrated = (): Promise<void> => {
    migrated ??= migrate().catch((error: unknown) => {
      migrated = undefined;
      throw new QueueUnavailableError(`PostgreSQL queue: ${describeError(error)}`, 'not_done', { cause: error });
    });
    return migrated;
  };

  return {
    kind: 'postgres',
    prefix,
    backendFactory: createHearingBackend as unknown as BackendFactory,
    ready: (limit_ms) => withQueueLimit('connect to the queue', limit_ms, ensureMigrated()),
    producerConnection: () => pool as unknown as ConnectionOptions,
    consumerConnection: () =>
      ({ ...connection, schema: prefix, max: CONSUMER_CONNECTIONS }) as unknown as ConnectionOptions,

    async listQueueNames() {
      const { rows } = await pool.query<{ queue: string }>(
        'SELECT queue FROM meta UNION SELECT queue FROM job ORDER BY queue',
      );
      return rows.map((row) => row.queue);
    },

    async failedSizes(name) {
      const { rows } = await pool.query<{ id: string; bytes: number }>(
        `SELECT id, pg_column_size(data) AS bytes FROM job WHERE queue = $1 AND state = 'failed' ORDER BY finished_at_ms, id`,
        [name],
      );
      return rows.map(({ id, bytes }) => ({ job_id: id, bytes }));
    },

    async failedCounts(names) {
      const { rows } = await pool.query<{ queue: string; count: number }>(
        `SELECT queue, count(*)::int AS count FROM job WHERE state = 'failed' AND queue = ANY($1) GROUP BY queue`,
        [names],
      );
      return new Map(rows.map(({ queue, count }) => [queue, count]));
    },

    async forget(name) {
      await pool.query('DELETE FROM meta WHERE queue = $1', [name]);
      await pool.query('DELETE FROM event WHERE queue = $1', [name]);
    },

    async check() {
      const { rows } = await pool.query<{ name: string; setting: string }>(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')",
      );
      return rows
        .filter((row) => row.setting === 'off')
        .map((row) => `PostgreSQL runs with ${row.name} off: queued jobs can be lost when it crashes.`);
    },

    async ping() {
      await pool.query('SELECT 1');
    },

    async close() {
      await pool.end();
    },
  };
}

/** BullMQ's factory; the pools that it opens itself are as safe as ours. */
const createHearingBackend: typeof createPostgresBackend = (...settings) => {
  const { createPostgresBackend, isPgPool } = bullmq();
  const backend = createPostgresBackend(...settings);
  if (!isPgPool(settings[1].connection)) hearErrorsInUse(backend.connection.pool as unknown as Pool);
  return backend;
};

/**
 * A pool hears only its idle connections. One that breaks while it is lent out rejects its query and emits `error` besides,
 * which would end the process.
 */
function hearErrorsInUse(pool: Pool): void {
  pool.on('connect', (client) => client.on('error', () => undefined));
}
