import type { DataSource } from 'typeorm';

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
