import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { BACKUP_FORMAT, type BackupHeader, END_OF_ROWS } from './backup-format';
import { backupTables, columnList, quoted } from './backup-tables';

/**
 * Writes all of the configuration to `path`, from one snapshot, while everything runs. The file appears under its name when it is
 * complete; mode 0600, because it holds sealed secrets and the hashes of passwords.
 */
export async function writeBackup(database_url: string, path: string): Promise<BackupHeader> {
  const client = new Client({ connectionString: database_url, application_name: 'cortex-mqtt-backup' });
  await client.connect();
  const unfinished = `${path}.unfinished`;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const header = await headerOf(client);
    await pipeline(contentOf(client, header), createGzip(), createWriteStream(unfinished, { mode: 0o600 }));
    await client.query('COMMIT');
    await rename(unfinished, path);
    return header;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await client.end();
  }
}

/** Header, then each table: its name, its rows as COPY writes them, and the end of its rows. */
async function* contentOf(client: Client, header: BackupHeader): AsyncGenerator<string | Buffer> {
  yield `${JSON.stringify(header)}\n`;
  for (const table of header.tables) {
    yield `${table.name}\n`;
    yield* client.query(copyTo(`COPY (SELECT ${columnList(table)} FROM ${quoted(table.name)}) TO STDOUT`));
    yield `${END_OF_ROWS}\n`;
  }
}

async function headerOf(client: Client): Promise<BackupHeader> {
  const { tables, left_out } = await backupTables(client);
  const migrations = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  const installation = await client.query<{ installation_id: string; key_canary: string }>(
    'SELECT * FROM installation',
  );
  const [row] = installation.rows;
  if (!row) throw new Error('The database has no installation yet: start the orchestrator once.');
  return {
    format: BACKUP_FORMAT,
    contract: 1,
    created_at: new Date().toISOString(),
    installation_id: row.installation_id,
    migrations: migrations.rows.map(({ name }) => name),
    key_ids: [row.key_canary.split('.')[1] ?? ''],
    tables,
    left_out,
  };
}
