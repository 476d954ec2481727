import { parseArgs } from 'node:util';
import { KeyRing } from '@cortex-mqtt/secrets';
import { adoptInstallation, keepInstallationApart, openInstallation } from '../features/installation/installation';
import { type CommandContext, UsageError } from './command';
import { withDatabase } from './migrate.command';

/** What a restored database is to be: see "A restored copy" in docs/operations.md. */
export async function installationCommand(context: CommandContext): Promise<number> {
  const { positionals } = parseArgs({ args: context.args, options: {}, allowPositionals: true });
  const [what = 'show', ...rest] = positionals;
  if (rest.length > 0 || !['show', 'adopt', 'keep-apart'].includes(what)) {
    throw new UsageError('use: installation [show | adopt | keep-apart]');
  }
  return withDatabase(context, async (dataSource, config) => {
    const environment_identity = config.installationId;
    if (what === 'adopt') {
      const id = await adoptInstallation(dataSource, environment_identity);
      context.out(`Installation ${id} belongs here now. Make sure that the original does not run, then restart.`);
      return 0;
    }
    if (what === 'keep-apart') {
      const { installation_id, paused } = await keepInstallationApart(dataSource, environment_identity);
      context.out(
        `This is installation ${installation_id} of its own now. Paused products: ${paused}; listener tokens were ended. ` +
          'Change brokers and destinations before you resume them, then restart.',
      );
      return 0;
    }
    const keys = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
    const { installation_id, apart } = await openInstallation(dataSource, { keys, environment_identity });
    context.out(
      apart === null ? `Installation ${installation_id}` : `A copy of installation ${installation_id}: ${apart}`,
    );
    return 0;
  });
}
