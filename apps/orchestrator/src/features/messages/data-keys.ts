import { generateDataKey } from '@cortex-mqtt/secrets';
import type { DataSource } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { messageKeyPlace, type SecretBox } from '../secrets/secret-box';

/** Keys that are kept open; a search needs its key once a segment. */
const MAX_OPEN = 1_000;
const OPEN_FOR_MS = 60_000;

/**
 * One key for each product's messages, sealed itself by the key ring: rotating that one needs no message to be sealed
 * again, and deleting the product destroys what would open its messages.
 */
export class DataKeys {
  private readonly open = new Map<number, { key: Buffer; until_ms: number }>();

  constructor(private readonly deps: { dataSource: DataSource; secretBox: SecretBox }) {}

  /** @throws {NotFoundError} when there is no such product. */
  async keyOf(product_id: number): Promise<Buffer> {
    const known = this.open.get(product_id);
    if (known && known.until_ms > Date.now()) return known.key;
    const key = (await this.read(product_id)) ?? (await this.create(product_id));
    if (this.open.size >= MAX_OPEN) this.open.clear();
    this.open.set(product_id, { key, until_ms: Date.now() + OPEN_FOR_MS });
    return key;
  }

  private async read(product_id: number): Promise<Buffer | null> {
    const [row] = (await this.deps.dataSource.query('SELECT data_key FROM message_keys WHERE product_id = $1', [
      product_id,
    ])) as { data_key: string }[];
    if (row === undefined) return null;
    return Buffer.from(this.deps.secretBox.open(row.data_key, messageKeyPlace(product_id)), 'base64');
  }

  private async create(product_id: number): Promise<Buffer> {
    const sealed = this.deps.secretBox.seal(generateDataKey().toString('base64'), messageKeyPlace(product_id));
    await this.deps.dataSource.query(
      `INSERT INTO message_keys (product_id, data_key) SELECT id, $2 FROM products WHERE id = $1
       ON CONFLICT (product_id) DO NOTHING`,
      [product_id, sealed],
    );
    const key = await this.read(product_id);
    if (key === null) throw new NotFoundError(`There is no product ${product_id}.`);
    return key;
  }
}
