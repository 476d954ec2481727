import { parseArgs } from 'node:util';
import { loadEnvironment } from '@cortex-mqtt/environment';
import type { DataSource } from 'typeorm';
import { OrchestratorConfig } from '../config';
import { createArchiveDataSource, createDataSource } from '../database/data-source';
import { writeBackup } from '../database/backup/write-backup';
import { lossesOfDown, migrateDown, migrateUp } from '../database/migrate';
import type { CommandContext } from './command';

export async function migrate(context: CommandContext): Promise<number> {
  return withDatabase(context, async (dataSource, { archiveDatabaseUrl }) => {
    const applied = await migrateUp(dataSource);
    context.out(applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`);
    if (archiveDatabaseUrl === undefined) return 0;
    const archive = createArchiveDataSource({ url: archiveDatabaseUrl, poolSize: 2 });
    await archive.initialize();
    try {
      const there = await migrateUp(archive);
      const what = there.length === 0 ? 'nothing to apply' : `applied ${there.join(', ')}`;
      context.out(`ARCHIVE_DATABASE_URL: ${what}`);
    } finally {
      await archive.destroy();
    }
    return 0;
  });
}

/** Says what the newest migration would take with it; with `--yes` writes a backup and takes it back. */
export async function migrateRevert(context: CommandContext): Promise<number> {
  const { values } = parseArgs({
    args: context.args,
    options: { yes: { type: 'boolean' }, backup: { type: 'string' } },
  });
  return withDatabase(context, async (dataSource, config) => {
    const before = await appliedMigrations(dataSource);
    const newest = before.at(-1);
    if (newest === undefined) {
      context.out('nothing to take back');
      return 0;
    }
    const losses = await lossesOfDown(dataSource, newest);
    context.out(`${newest} would be taken back.`);
    for (const loss of losses) context.out(`  ${loss}`);
    if (losses.length === 0) context.out('  no table and no column goes with it');
    if (!values.yes) {
      context.err('Nothing was done. Run it again with --yes; a backup is written first (--backup FILE says where).');
      return 2;
    }
    if (!(await hasInstallation(dataSource))) {
      context.out('no orchestrator has run on this database yet: there is nothing to back up');
      await migrateDown(dataSource);
      context.out(`took back ${newest}`);
      return 0;
    }
    const file = values.backup ?? `before-revert-${newest}-${new Date().toISOString().replace(/[:.]/g, '-')}.backup`;
    const { left_out } = await writeBackup(config.databaseUrl, file);
    context.out(`backup: ${file} (not in it: ${left_out.join(', ')})`);
    await migrateDown(dataSource);
    context.out(`took back ${newest}`);
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

async function hasInstallation(dataSource: DataSource): Promise<boolean> {
  const [table] = await dataSource.query<{ is_there: boolean }[]>(
    `SELECT to_regclass('installation') IS NOT NULL AS is_there`,
  );
  if (!table?.is_there) return false;
  return (await dataSource.query<unknown[]>('SELECT 1 FROM installation')).length > 0;
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const [table] = (await dataSource.query(`SELECT to_regclass('migrations') IS NOT NULL AS is_there`)) as {
    is_there: boolean;
  }[];
  if (!table?.is_there) return [];
  const rows = (await dataSource.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
  return rows.map((row) => row.name);
}
