import { decodeKey, keyIdOf } from './encryption-key';
import { decrypt, encrypt, formatEnvelope, parseEnvelope } from './envelope';
import { UnknownKeyError } from './secret-errors';

/**
 * Where a sealed value lives. It is bound to it as additional data, so that a ciphertext copied to another product, table,
 * column or row does not open. `row` tells rows of one product apart (the name of a product secret, say).
 */
export interface SealedPlace {
  product_id: number;
  table: string;
  column: string;
  row?: string;
}

/** A place in the database, or any text that names the purpose. */
export type SealContext = SealedPlace | string;

/** The primary key seals; it and the old ones open. Never prints its keys. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #primary: Buffer;
  /** Names the key that seals. */
  readonly primaryKeyId: string;

  private constructor(primary: Buffer, olds: readonly Buffer[]) {
    this.#primary = primary;
    this.primaryKeyId = keyIdOf(primary);
    this.#keys = new Map([...olds, primary].map((key) => [keyIdOf(key), key]));
  }

  /**
   * @param primary 32 bytes in base64 or hexadecimal, from `MQTT_PASSWORD_ENCRYPTION_KEY`
   * @throws {KeyFormatError} that tells which key is malformed, not what it is.
   */
  static parse(primary: string, olds: readonly string[] = []): KeyRing {
    return new KeyRing(
      decodeKey(primary, 'primary key'),
      olds.map((old, index) => decodeKey(old, `old key ${index + 1}`)),
    );
  }

  /** An envelope `v1.<key id>.<iv>.<tag>.<ciphertext>`, different each time. */
  seal(plaintext: string, context: SealContext): string {
    const id = this.primaryKeyId;
    return formatEnvelope(id, encrypt(plaintext, { key: this.#primary, aad: additionalData(id, context) }));
  }

  /**
   * @throws {UnknownKeyError} when its key is not in the ring
   * @throws {TamperedError} when it was changed, or sealed for another place
   * @throws {EnvelopeFormatError} when it is no envelope
   */
  open(envelope: string, context: SealContext): string {
    const { name, sealed } = parseEnvelope(envelope);
    const key = this.#keys.get(name);
    if (key === undefined) throw new UnknownKeyError(name);
    return decrypt(sealed, { key, aad: additionalData(name, context) });
  }

  /** Whether a key of this id can open. */
  has(key_id: string): boolean {
    return this.#keys.has(key_id);
  }

  /** Whether it was sealed with another key than the primary one. */
  needsRotation(envelope: string): boolean {
    return parseEnvelope(envelope).name !== this.primaryKeyId;
  }

  /** The same value under the primary key; throws like `open`. */
  reseal(envelope: string, context: SealContext): string {
    return this.seal(this.open(envelope, context), context);
  }
}

/** JSON keeps the parts apart: no two places give the same bytes. */
function additionalData(keyId: string, context: SealContext): string {
  const parts =
    typeof context === 'string'
      ? ['context', context]
      : ['place', context.product_id, context.table, context.column, context.row ?? null];
  return JSON.stringify(['v1', keyId, ...parts]);
}
