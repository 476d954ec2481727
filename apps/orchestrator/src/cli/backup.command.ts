import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadEnvironment } from '@cortex-mqtt/environment';
import { KeyRing } from '@cortex-mqtt/secrets';
import { OrchestratorConfig } from '../config';
import { RestoreRefusedError, restoreBackup } from '../database/backup/restore-backup';
import { writeBackup } from '../database/backup/write-backup';
import { type CommandContext, UsageError } from './command';

/** See "Backup and restore" in docs/operations.md. */
export async function backupCommand(context: CommandContext): Promise<number> {
  const path = onlyFile(context, 'backup FILE');
  const config = loadEnvironment(OrchestratorConfig, context.env);
  const header = await writeBackup(config.databaseUrl, path);
  context.out(`${path}: ${header.tables.length} tables of installation ${header.installation_id}`);
  context.out(
    `Its secrets are sealed with the key ${header.key_ids.join(', ')}, which is not in it: keep the key elsewhere.`,
  );
  context.out(`Not in it: ${header.left_out.join(', ')}; the queue; the listeners’ data folders.`);
  return 0;
}

export async function restoreCommand(context: CommandContext): Promise<number> {
  const path = onlyFile(context, 'restore FILE');
  if (!existsSync(path)) throw new UsageError(`there is no file ${path}`);
  const config = loadEnvironment(OrchestratorConfig, context.env);
  const keys = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
  try {
    const { header, rows } = await restoreBackup(config.databaseUrl, path, { holdsKey: (id) => keys.has(id) });
    context.out(`Restored ${rows} rows of ${header.tables.length} tables, as of ${header.created_at}.`);
    context.out('This is a copy until you say what it is: run "installation adopt" if it replaces the original.');
    return 0;
  } catch (error) {
    if (!(error instanceof RestoreRefusedError)) throw error;
    context.err(error.message);
    return 1;
  }
}

function onlyFile({ args }: CommandContext, usage: string): string {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) throw new UsageError(`use: ${usage}`);
  return path;
}
