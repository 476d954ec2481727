import { loadEnvironment } from '@cortex-mqtt/environment';
import type { DataSource } from 'typeorm';
import { OrchestratorConfig } from '../config';
import { createDataSource } from '../database/data-source';
import { migrateDown, migrateUp } from '../database/migrate';
import type { CommandContext } from './command';

export async function migrate(context: CommandContext): Promise<number> {
  return withDatabase(context, async (dataSource) => {
    const applied = await migrateUp(dataSource);
    context.out(applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`);
    return 0;
  });
}

export async function migrateRevert(context: CommandContext): Promise<number> {
  return withDatabase(context, async (dataSource) => {
    const before = await appliedMigrations(dataSource);
    if (before.length === 0) {
      context.out('nothing to take back');
      return 0;
    }
    await migrateDown(dataSource);
    context.out(`took back ${before[before.length - 1]}`);
    return 0;
  });
}

/** Opens the database of `DATABASE_URL` for one command. */
export async function withDatabase<T>(
  { env }: Pick<CommandContext, 'env'>,
  work: (dataSource: DataSource, config: Readonly<OrchestratorConfig>) => Promise<T>,
): Promise<T> {
  const config = loadEnvironment(OrchestratorConfig, env);
  const dataSource = createDataSource({ url: config.databaseUrl, poolSize: 4 });
  await dataSource.initialize();
  try {
    return await work(dataSource, config);
  } finally {
    await dataSource.destroy();
  }
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const [table] = (await dataSource.query(`SELECT to_regclass('migrations') IS NOT NULL AS is_there`)) as {
    is_there: boolean;
  }[];
  if (!table?.is_there) return [];
  const rows = (await dataSource.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
  return rows.map((row) => row.name);
}
