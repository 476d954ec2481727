import { parseArgs } from 'node:util';
import { generateKey, KeyRing } from '@cortex-mqtt/secrets';
import { resealCanary } from '../features/installation/installation';
import { countOutdated, rotateKeys } from '../features/key-rotation/key-rotation';
import type { CommandContext } from './command';
import { withDatabase } from './migrate.command';

/** Seals every secret again with `MQTT_PASSWORD_ENCRYPTION_KEY`; see docs/operations.md. */
export async function rotateKeysCommand(context: CommandContext): Promise<number> {
  const { values } = parseArgs({
    args: context.args,
    options: { 'dry-run': { type: 'boolean' }, 'new-key': { type: 'boolean' } },
  });
  if (values['new-key']) {
    context.out(generateKey());
    return 0;
  }
  return withDatabase(context, async (dataSource, config) => {
    const keyRing = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
    if (values['dry-run']) {
      context.out(`${await countOutdated(dataSource, keyRing)} values are not under key ${keyRing.primaryKeyId} yet`);
      return 0;
    }
    const result = await rotateKeys({
      dataSource,
      keyRing,
      onProgress: (resealed) => context.err(`${resealed} values resealed`),
    });
    if (result.failed.length === 0) await resealCanary(dataSource, keyRing);
    for (const { table, column, id, reason } of result.failed) {
      context.err(`${table}.${column} of row ${id}: ${reason}`);
    }
    context.out(
      `${result.resealed} values are now under key ${keyRing.primaryKeyId}, ${result.failed.length} could not be opened`,
    );
    return result.failed.length === 0 ? 0 : 1;
  });
}
