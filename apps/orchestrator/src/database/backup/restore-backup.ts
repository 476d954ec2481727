import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { validateShape } from '@cortex-mqtt/contracts';
import { migrations as known } from '@cortex-mqtt/migrations';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { createDataSource } from '../data-source';
import { migrateUp } from '../migrate';
import { BackupHeader, END_OF_ROWS } from './backup-format';
import { columnList, quoted } from './backup-tables';

/** The file, the key or the database does not fit; nothing was changed. */
export class RestoreRefusedError extends Error {
  override readonly name = 'RestoreRefusedError';
}

/**
 * Fills an empty database from a backup, in one transaction: all of it or nothing. The schema is made as the backup has it, and
 * brought up to date afterwards.
 *
 * @throws {RestoreRefusedError} before anything is changed.
 */
export async function restoreBackup(
  database_url: string,
  path: string,
  { holdsKey }: { holdsKey(key_id: string): boolean },
): Promise<{ header: BackupHeader; rows: number }> {
  const lines = linesOf(path);
  try {
    const header = await readHeader(path, lines);
    const missing = header.key_ids.filter((id) => !holdsKey(id));
    if (missing.length > 0) {
      throw new RestoreRefusedError(
        `Its secrets are sealed with the key ${missing.join(', ')}: add it to MQTT_PASSWORD_ENCRYPTION_KEY or MQTT_PASSWORD_ENCRYPTION_KEYS_OLD.`,
      );
    }
    await makeSchema(database_url, header);
    const rows = await fill(database_url, header, lines);
    await bringUpToDate(database_url);
    return { header, rows };
  } finally {
    await lines.return(undefined);
  }
}

/** By `\n` alone: COPY escapes it in values, while other separators, such as U+2028, may stand in them. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  file.pipe(text).setEncoding('utf8');
  let rest = '';
  for await (const chunk of text as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function readHeader(path: string, lines: AsyncIterator<string>): Promise<BackupHeader> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(String((await lines.next()).value));
  } catch (cause) {
    throw new RestoreRefusedError(`${path} is not a backup of cortex-mqtt.`, { cause });
  }
  const checked = validateShape(BackupHeader, parsed);
  if (!checked.ok) {
    const faults = checked.faults.map(({ field, message }) => `${field} ${message}`).join('; ');
    throw new RestoreRefusedError(`${path} is not a backup that this release can read: ${faults}.`);
  }
  const names = known.map((migration) => migration.name);
  const newer = checked.value.migrations.filter((name) => !names.includes(name));
  if (newer.length > 0) {
    throw new RestoreRefusedError(
      `The backup is from a newer release (${newer.join(', ')}). Restore it with that release.`,
    );
  }
  return checked.value;
}

async function makeSchema(url: string, header: BackupHeader): Promise<void> {
  const dataSource = createDataSource({ url, poolSize: 2 });
  dataSource.setOptions({ migrations: known.filter((migration) => header.migrations.includes(migration.name)) });
  await dataSource.initialize();
  try {
    const [table] = (await dataSource.query(`SELECT to_regclass('products') IS NOT NULL AS is_there`)) as {
      is_there: boolean;
    }[];
    if (table?.is_there) {
      throw new RestoreRefusedError('The database is not empty. Restore into a new one: createdb, then DATABASE_URL.');
    }
    await migrateUp(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

async function fill(url: string, header: BackupHeader, lines: AsyncIterator<string>): Promise<number> {
  const client = new Client({ connectionString: url, application_name: 'cortex-mqtt-restore' });
  await client.connect();
  try {
    await client.query('BEGIN');
    let rows = 0;
    for (const table of header.tables) {
      const { value: name } = await lines.next();
      if (name !== table.name)
        throw new Error(`The backup is damaged: expected the table ${table.name}, found ${name}.`);
      await client.query(`DELETE FROM ${quoted(table.name)}`);
      const copy = client.query(copyFrom(`COPY ${quoted(table.name)} (${columnList(table)}) FROM STDIN`));
      await pipeline(Readable.from(rowsOf(lines, table.name)), copy);
      rows += copy.rowCount ?? 0;
      await continueIdentities(client, table.name);
    }
    await client.query('COMMIT');
    return rows;
  } finally {
    await client.end();
  }
}

async function* rowsOf(lines: AsyncIterator<string>, table: string): AsyncGenerator<string> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) throw new Error(`The backup is damaged: it ends in the table ${table}.`);
    if (value === END_OF_ROWS) return;
    yield `${value}\n`;
  }
}

/** The next row gets a number that no restored row has. */
async function continueIdentities(client: Client, table: string): Promise<void> {
  const { rows } = await client.query<{ column: string; sequence: string | null }>(
    `SELECT attname AS column, pg_get_serial_sequence($1, attname) AS sequence FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [quoted(table)],
  );
  for (const { column, sequence } of rows) {
    if (sequence === null) continue;
    await client.query(
      `SELECT setval($1, GREATEST((SELECT max(${quoted(column)}) FROM ${quoted(table)}), 0) + 1, false)`,
      [sequence],
    );
  }
}

async function bringUpToDate(url: string): Promise<void> {
  const dataSource = createDataSource({ url, poolSize: 2 });
  await dataSource.initialize();
  try {
    await migrateUp(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
