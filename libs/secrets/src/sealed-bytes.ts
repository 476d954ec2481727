import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { TamperedError } from './secret-errors';

/** 96 random bits, and the full tag (NIST SP 800-38D, 8.2.2 and 5.2.1.2). */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** 32 random bytes: a key for the data of one product, to be sealed itself by the key ring. */
export const generateDataKey = (): Buffer => randomBytes(32);

/** A key for `purpose` from a secret of high entropy (HKDF-SHA-256, RFC 5869). */
export const deriveDataKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));

/** AES-256-GCM over bytes: iv, tag, ciphertext. `place` is bound to them: elsewhere they do not open. */
export function sealBytes(bytes: Buffer, { key, place }: { key: Buffer; place: string }): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(place));
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
}

/** @throws {TamperedError} when key, bytes or place are not those of the sealing. */
export function openBytes(sealed: Buffer, { key, place }: { key: Buffer; place: string }): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES) throw new TamperedError();
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const start = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch {
    throw new TamperedError();
  }
}
