import { hashToken } from '@cortex-mqtt/secrets';
import { BatchReader } from '../../database/batch-reader';
import type { Queries } from '../../database/queries';

/** Tokens that are remembered at most; the least recently read goes first. */
const MAX_KNOWN = 50_000;
/** `last_used_at` is written once in this time, milliseconds. */
const MARK_EVERY_MS = 60_000;

interface KnownToken {
  id: number;
  product_id: number;
  /** Milliseconds since the epoch; null = never. */
  expires_at_ms: number | null;
  marked_ms: number;
}

interface TokenRow {
  id: number;
  token_hash: string;
  product_id: number;
  expires_at: Date | null;
}

const READ = `SELECT id, token_hash, product_id, expires_at FROM listener_tokens
  WHERE token_hash = ANY($1) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
const MARK = `UPDATE listener_tokens SET last_used_at = now()
  WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < now() - interval '50 seconds')`;

/**
 * The products of listener tokens that are valid, remembered until something about the product changes. May be relied on only
 * while such changes are heard; whoever finds that they are not calls `clear`.
 */
export class KnownTokens {
  private readonly known = new Map<string, KnownToken>();
  private readonly used = new Set<number>();
  private readonly reader: BatchReader<string, KnownToken>;
  /** Rises when something is forgotten: what was read before is not kept. */
  private generation = 0;

  constructor(private readonly deps: { db: Queries }) {
    this.reader = new BatchReader({ max: 1_000, read: (hashes) => this.readAll(hashes) });
  }

  /** null: the token is not valid. */
  async productOf(token: string): Promise<number | null> {
    const hash = hashToken(token);
    let known = this.known.get(hash) ?? null;
    if (known === null) {
      const { generation } = this;
      known = await this.reader.read(hash);
      if (known !== null && generation === this.generation) this.remember(hash, known);
    }
    const now_ms = Date.now();
    if (known === null || (known.expires_at_ms !== null && known.expires_at_ms <= now_ms)) return null;
    if (now_ms - known.marked_ms >= MARK_EVERY_MS) {
      known.marked_ms = now_ms;
      this.used.add(known.id);
    }
    return known.product_id;
  }

  forgetProduct(product_id: number): void {
    this.generation += 1;
    for (const [hash, known] of this.known) if (known.product_id === product_id) this.known.delete(hash);
  }

  clear(): void {
    this.generation += 1;
    this.known.clear();
  }

  /** Writes which tokens were used. */
  async writeUse(): Promise<void> {
    if (this.used.size === 0) return;
    const ids = [...this.used];
    this.used.clear();
    await this.deps.db.query({ name: 'tokens-mark', text: MARK, values: [ids] });
  }

  private remember(hash: string, known: KnownToken): void {
    this.known.set(hash, known);
    if (this.known.size <= MAX_KNOWN) return;
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
  }

  private async readAll(hashes: string[]): Promise<Map<string, KnownToken>> {
    const { rows } = await this.deps.db.query({ name: 'tokens-read', text: READ, values: [hashes] });
    return new Map(
      (rows as TokenRow[]).map(({ id, token_hash, product_id, expires_at }) => [
        token_hash,
        { id, product_id, expires_at_ms: expires_at?.getTime() ?? null, marked_ms: 0 },
      ]),
    );
  }
}
