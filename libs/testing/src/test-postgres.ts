import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@cortex-mqtt/embedded';
import { Client } from 'pg';
import { registerTestProcess, testRunDir } from './test-run';
import { waitFor } from './wait-for';

export interface TestPostgres {
  /** URL of the maintenance database, as superuser. Make your own database: {@link createTestDatabase}. */
  url: string;
}

export interface TestDatabaseOptions {
  /**
   * A database to copy, built once a run by whoever asks first (migrations, for instance). `build` gets its URL and must
   * have closed its connections when it ends.
   */
  template?: { name: string; build(url: string): Promise<void> };
}

export interface TestDatabase {
  url: string;
  name: string;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
}

/**
 * The Postgres server of this test run, started by whichever test asks first and shared by all workers. It ends with the
 * run. Not durable (fsync off): tests about crashes start their own with `startEmbeddedPostgres`.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dir = testRunDir();
  const lock = join(dir, 'postgres.lock');
  const answer = join(dir, 'postgres.json');
  const failure = join(dir, 'postgres.failed');
  if (takeLock(lock)) {
    try {
      const server = await startEmbeddedPostgres({
        dataDir: join(dir, 'postgres'),
        database: 'postgres',
        disposable: true,
        settings: { max_connections: '300' },
      });
      registerTestProcess(server.process.pid);
      writeWhole(answer, JSON.stringify({ url: server.url }));
    } catch (error) {
      writeWhole(failure, (error as Error).message);
      throw error;
    }
  }
  await waitFor(() => existsSync(answer) || existsSync(failure), {
    timeout_ms: 60_000,
    message: "the test run's Postgres to start",
  });
  if (existsSync(failure)) {
    throw new Error(`the test run's Postgres did not start: ${readFileSync(failure, 'utf8')}`);
  }
  return JSON.parse(readFileSync(answer, 'utf8')) as TestPostgres;
}

/** A database of one's own on the test run's server: empty, or a copy of a template. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await startTestPostgres();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const { template } = options;
  await withClient(server.url, async (client) => {
    if (template) {
      await buildTemplate(client, server.url, template);
    }
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template ? templateName(template.name) : 'template0'}`);
  });
  return {
    name,
    url: urlOf(server.url, name),
    drop: () =>
      withClient(server.url, async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

async function buildTemplate(
  client: Client,
  serverUrl: string,
  template: NonNullable<TestDatabaseOptions['template']>,
): Promise<void> {
  const finished = templateName(template.name);
  const unfinished = `${finished}_unfinished`;
  await client.query('SELECT pg_advisory_lock(hashtext($1))', [finished]);
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [finished]);
    if (rowCount === 0) {
      await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
      await client.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`);
      await template.build(urlOf(serverUrl, unfinished));
      await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${finished}`);
    }
  } finally {
    await client.query('SELECT pg_advisory_unlock(hashtext($1))', [finished]);
  }
}

function templateName(name: string): string {
  if (!/^[a-z0-9_]{1,40}$/.test(name)) {
    throw new Error(`a template's name has lower-case letters, digits and underscores only: ${name}`);
  }
  return `template_${name}`;
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

function takeLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** Readers must never see half a file. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
