import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { queueNames } from '@cortex-mqtt/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../database/data-source';
import { createMigratedDatabase } from '../testing/test-database';
import { deleteEndedRows, ENDED_ROWS } from './ended-rows';

/**
 * What keeps each table from growing without end. `people`: as many rows as people made things; `product`: one, or a bounded
 * number, for each of those; `pruned`: old rows are deleted by a statement that names the table.
 */
const TABLES: Record<string, 'people' | 'product' | 'pruned'> = {
  alert_channels: 'people',
  alert_incident_events: 'product',
  alert_incident_members: 'product',
  alert_incidents: 'pruned',
  alert_links: 'pruned',
  alert_outbox: 'product',
  alert_rules: 'people',
  alert_settings: 'product',
  alert_states: 'pruned',
  api_tokens: 'pruned',
  audit_logs: 'pruned',
  configuration_plans: 'pruned',
  connection_events: 'pruned',
  connection_tests: 'pruned',
  idempotency_keys: 'pruned',
  installation: 'people',
  left_sessions: 'pruned',
  listener_containers: 'product',
  listener_instances: 'pruned',
  listener_tokens: 'pruned',
  login_failures: 'pruned',
  maintenance_windows: 'people',
  managed_documents: 'product',
  message_archives: 'product',
  message_gaps: 'pruned',
  message_keys: 'product',
  message_outcomes: 'pruned',
  message_segments: 'pruned',
  message_topics: 'product',
  metric_buckets: 'pruned',
  mqtt_brokers: 'people',
  mqtt_configs: 'product',
  mqtt_connection_status: 'product',
  mqtt_subscriptions: 'people',
  operations: 'pruned',
  product_leases: 'product',
  product_secrets: 'people',
  products: 'people',
  reconnects: 'pruned',
  replay_deliveries: 'product',
  replays: 'pruned',
  sessions: 'pruned',
  sign_in_attempts: 'pruned',
  user_identities: 'people',
  user_invitations: 'people',
  user_products: 'people',
  users: 'people',
};

/** What keeps each queue from growing without end. */
const QUEUES: Record<keyof typeof queueNames, string> = {
  control: 'finished jobs are kept by number and age; the queue goes with its instance (queue-cleaner.ts)',
  connectionTests: 'finished jobs are kept by number and age (DEFAULT_RETENTION)',
  operations: 'finished jobs are kept by number and age (DEFAULT_RETENTION)',
  deliveries: 'max_queued of the handover; dead letters by DEAD_LETTERS_MAX, DEAD_LETTERS_MAX_MB and 30 days',
};

/** Sources that open files for appending, and what bounds those files. */
const APPENDING: Record<string, string> = {
  'apps/listener/src/pipeline/in-flight-memory.ts': 'rewritten at 4 MB',
  'apps/orchestrator/src/database/backup/write-backup.ts': 'one file for each run of the command',
  'libs/embedded/src/embedded-postgres.ts': 'postgres.log: at a start 10 MB, then scripts/src/up/log-keeper.ts',
  'libs/observability/src/rotating-file.ts': 'rotates by size, five files',
  'scripts/src/up/run-detached.ts': 'up.log: scripts/src/up/log-keeper.ts',
  'scripts/src/up/supervised-process.ts': 'orchestrator.log: scripts/src/up/log-keeper.ts',
};

const ROOT = join(__dirname, '..', '..', '..', '..');

function sources(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test|\.testing|\.d)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter(
      (path) =>
        !/\/(dist|node_modules|testing|harness|bench|test-server)\//.test(path) && !path.startsWith('libs/testing'),
    );
}

describe('nothing grows without bound', () => {
  let database: Awaited<ReturnType<typeof createMigratedDatabase>>;
  let dataSource: DataSource;
  beforeAll(async () => {
    database = await createMigratedDatabase();
    dataSource = await createDataSource({ url: database.url, poolSize: 2 }).initialize();
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('each table has its bound; a new one needs an entry here', async () => {
    const rows = await dataSource.query<{ name: string }[]>(
      `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
         AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migrations' ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(TABLES).sort());
  });

  it('each table that is pruned is named by what deletes from it', () => {
    const texts = sources('apps/orchestrator/src').map((path) => readFileSync(join(ROOT, path), 'utf8'));
    const ended: string[] = ENDED_ROWS.map(({ table }) => table);
    const pruned = Object.entries(TABLES).flatMap(([name, bound]) => (bound === 'pruned' ? [name] : []));
    const isDeletedFrom = (name: string): boolean =>
      ended.includes(name) ||
      texts.some((text) => new RegExp(`(DELETE FROM|DROP TABLE|'|\`)\\s*${name}\\b`).test(text));
    expect(pruned.filter((name) => !isDeletedFrom(name))).toEqual([]);
  });

  it('each queue has its bound', () => {
    expect(Object.keys(queueNames).sort()).toEqual(Object.keys(QUEUES).sort());
  });

  it('each file that is appended to has its bound; a new one needs an entry here', () => {
    const appending = ['apps/listener/src', 'apps/orchestrator/src', 'libs', 'scripts/src']
      .flatMap(sources)
      .filter((path) =>
        /appendFile|createWriteStream|open(Sync)?\([^)]*'a'|openSync\([^)]*'w'/.test(
          readFileSync(join(ROOT, path), 'utf8'),
        ),
      );
    expect(appending.sort()).toEqual(Object.keys(APPENDING).sort());
  });

  it('tokens that ended long ago and old reconnects go', async () => {
    await dataSource.query(
      `INSERT INTO products (id, name, slug) VALUES (1, 'p', 'p');
       INSERT INTO reconnects (id, product_id, generation, created_at)
         VALUES (gen_random_uuid(), 1, 1, now() - interval '8 days'), (gen_random_uuid(), 1, 2, now());
       INSERT INTO listener_tokens (product_id, name, token_hash, revoked_at)
         VALUES (1, 'old', 'a', now() - interval '91 days'), (1, 'new', 'b', now()), (1, 'used', 'c', NULL)`,
    );
    await deleteEndedRows(dataSource);
    const left = (table: string): Promise<unknown[]> => dataSource.query(`SELECT 1 FROM ${table}`);
    expect(await left('reconnects')).toHaveLength(1);
    expect(await left('listener_tokens')).toHaveLength(2);
  });
});
