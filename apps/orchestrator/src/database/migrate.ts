import type { DataSource, QueryRunner } from 'typeorm';

/** Any constant will do, as long as every orchestrator uses the same. */
const MIGRATION_LOCK = 0x6d717474;

/**
 * Applies the pending migrations under a session-level advisory lock, so that several orchestrators may start at once:
 * the later ones wait and find nothing left to do. Returns the names applied here.
 */
export async function migrateUp(dataSource: DataSource): Promise<string[]> {
  return underMigrationLock(dataSource, async () => {
    const applied = await dataSource.runMigrations({ transaction: 'each' });
    return applied.map((migration) => migration.name);
  });
}

/** Migrations that the database has and this version does not know: a newer orchestrator has run on it. */
export async function newerMigrations(dataSource: DataSource): Promise<string[]> {
  const known = new Set(dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name));
  const applied = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations ORDER BY id');
  return applied.flatMap(({ name }) => (known.has(name) ? [] : [name]));
}

/** Takes back the newest migration. */
export async function migrateDown(dataSource: DataSource): Promise<void> {
  await underMigrationLock(dataSource, () => dataSource.undoLastMigration({ transaction: 'each' }));
}

async function underMigrationLock<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  await runner.connect();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await work();
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await runner.release();
  }
}

/**
 * What `down()` of a migration drops: tables with their rows, columns with what they hold. It is tried out in a transaction
 * that is rolled back.
 */
export async function lossesOfDown(dataSource: DataSource, name: string): Promise<string[]> {
  const migration = dataSource.migrations.find((one) => (one.name ?? one.constructor.name) === name);
  if (migration === undefined) throw new Error(`this version does not know ${name}: revert it with the newer one`);
  return underMigrationLock(dataSource, async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      const before = await columnsOf(runner);
      const rows = new Map<string, number>();
      for (const table of before.keys()) rows.set(table, await countRows(runner, table));
      await migration.down(runner);
      const after = await columnsOf(runner);
      return [...before].flatMap(([table, columns]) => {
        const left = after.get(table);
        if (left === undefined) return [`the table ${table} with ${rows.get(table)} rows`];
        const gone = columns.filter((column) => !left.includes(column));
        return gone.map((column) => `the column ${table}.${column} of ${rows.get(table)} rows`);
      });
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });
}

async function columnsOf(runner: QueryRunner): Promise<Map<string, string[]>> {
  const rows = (await runner.query(
    `SELECT c.table_name AS "table", array_agg(c.column_name::text) AS columns
     FROM information_schema.columns c JOIN pg_class k ON k.oid = to_regclass(quote_ident(c.table_name))
     WHERE c.table_schema = 'public' AND k.relkind IN ('r', 'p') AND NOT k.relispartition GROUP BY 1 ORDER BY 1`,
  )) as { table: string; columns: string[] }[];
  return new Map(rows.map(({ table, columns }) => [table, columns]));
}

async function countRows(runner: QueryRunner, table: string): Promise<number> {
  const [row] = (await runner.query(`SELECT count(*)::int AS count FROM "${table}"`)) as { count: number }[];
  return row?.count ?? 0;
}
