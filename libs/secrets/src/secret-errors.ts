/** A key that is not 32 bytes in base64 or hexadecimal. The message never contains it. */
export class KeyFormatError extends Error {
  override readonly name = 'KeyFormatError';

  /** @param which `primary`, or `old key 2`: which of the given keys it is. */
  constructor(readonly which: string) {
    super(`The ${which} must be 32 bytes in base64 or hexadecimal (scripts/rotate-keys makes one)`);
  }
}

/** The envelope was sealed with a key that is not in the ring. */
export class UnknownKeyError extends Error {
  override readonly name = 'UnknownKeyError';

  constructor(readonly key_id: string) {
    super(`Sealed with key ${key_id}, which is not in the key ring; add it to the old keys`);
  }
}

/** The envelope was changed, or belongs to another product, table or column. */
export class TamperedError extends Error {
  override readonly name = 'TamperedError';

  constructor() {
    super('The sealed value was changed, or moved here from another place');
  }
}

/** The text is no envelope at all. */
export class EnvelopeFormatError extends Error {
  override readonly name = 'EnvelopeFormatError';

  constructor() {
    super('Not a sealed value (v1.<key id>.<iv>.<tag>.<ciphertext>)');
  }
}
