import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EnvelopeFormatError, TamperedError } from './secret-errors';

/** 96 random bits, and the full tag (NIST SP 800-38D, 8.2.2 and 5.2.1.2). */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What AES-256-GCM makes of a text. */
export interface Sealed {
  iv: Buffer;
  tag: Buffer;
  ciphertext: Buffer;
}

export function encrypt(plaintext: string, { key, aad }: { key: Buffer; aad: string }): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(aad));
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return { iv, tag: cipher.getAuthTag(), ciphertext };
}

/** @throws {TamperedError} when key, text or additional data are not those of the sealing. */
export function decrypt(sealed: Sealed, { key, aad }: { key: Buffer; aad: string }): string {
  // A shorter tag would be accepted by the cipher, and be easier to forge.
  if (sealed.iv.length !== IV_BYTES || sealed.tag.length !== TAG_BYTES) throw new TamperedError();
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(sealed.tag);
  const start = decipher.update(sealed.ciphertext);
  try {
    return Buffer.concat([start, decipher.final()]).toString('utf8');
  } catch {
    throw new TamperedError();
  }
}

/** `v1.<name>.<iv>.<tag>.<ciphertext>`, base64url; `name` is a key id or a salt, of `A-Za-z0-9_-`. */
export function formatEnvelope(name: string, { iv, tag, ciphertext }: Sealed): string {
  return ['v1', name, ...[iv, tag, ciphertext].map((part) => part.toString('base64url'))].join('.');
}

/** @throws {EnvelopeFormatError} */
export function parseEnvelope(text: string): { name: string; sealed: Sealed } {
  const match = /^v1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)$/.exec(text);
  if (match === null) throw new EnvelopeFormatError();
  const [, name = '', iv = '', tag = '', ciphertext = ''] = match;
  return {
    name,
    sealed: {
      iv: Buffer.from(iv, 'base64url'),
      tag: Buffer.from(tag, 'base64url'),
      ciphertext: Buffer.from(ciphertext, 'base64url'),
    },
  };
}
