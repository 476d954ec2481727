import { parseArgs } from 'node:util';
import { KeyRing } from '@cortex-mqtt/secrets';
import { forgetLostSecrets, lostSecrets } from '../features/key-rotation/lost-secrets';
import type { CommandContext } from './command';
import { withDatabase } from './migrate.command';

/** Lists what no key opens; `--forget` clears it. See "The key is lost" in docs/operations.md. */
export async function secretsCommand(context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args: context.args, options: { forget: { type: 'boolean' } } });
  return withDatabase(context, async (dataSource, config) => {
    const keyRing = KeyRing.parse(config.encryptionKey, config.oldEncryptionKeys);
    const lost = await (values.forget ? forgetLostSecrets : lostSecrets)(dataSource, keyRing);
    const products = await dataSource.query<{ id: number; slug: string }[]>('SELECT id, slug FROM products');
    const slugs = new Map(products.map(({ id, slug }) => [id, slug]));
    for (const { table, column, id, product_id, name } of lost) {
      const owner = slugs.has(product_id) ? `product ${slugs.get(product_id)}` : 'no product';
      context.out(`${owner}: ${table}.${column}${name === '' ? ` of row ${id}` : ` ${name}`}`);
    }
    if (values.forget) {
      context.out(`${lost.length} values were cleared; the database belongs to key ${keyRing.primaryKeyId} now`);
      return 0;
    }
    context.out(`${lost.length} values cannot be opened and have to be entered again`);
    if (lost.length > 0)
      context.err('secrets --forget clears them, so that the orchestrator starts with the present key');
    return lost.length === 0 ? 0 : 1;
  });
}
