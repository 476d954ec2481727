import { createHash, randomBytes } from 'node:crypto';
import { KeyFormatError } from './secret-errors';

export const KEY_BYTES = 32;

/** A new random key, base64. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** 32 bytes from hexadecimal or base64 (either alphabet). */
export function decodeKey(text: string, which: string): Buffer {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)) {
    const key = Buffer.from(trimmed, 'base64');
    if (key.length === KEY_BYTES) return key;
  }
  throw new KeyFormatError(which);
}

/** Names a key without telling anything of it: the start of a hash. */
export function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('cortex-mqtt key id\0').update(key).digest('hex').slice(0, 12);
}

/** Whether a well-formed key is one that people type (zeros, `0123…` repeated): fit for tests, dangerous in production. */
export function isPlaceholderKey(text: string): boolean {
  return new Set(decodeKey(text, 'key')).size <= 16;
}
