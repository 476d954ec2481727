import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A new bearer token of 256 random bits, and the hash to store. A plain SHA-256 is enough: nobody can try 2^256 tokens.
 * @param prefix tells what it opens (`cmq_listener`), for people and for scanners that look for leaked secrets
 */
export function generateToken(prefix: string): { token: string; hash: string } {
  const token = `${prefix}_${randomBytes(32).toString('base64url')}`;
  return { token, hash: hashToken(token) };
}

/** SHA-256 in hexadecimal, by which a token is looked up. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether a token belongs to a stored hash, in constant time. */
export function tokenMatches(token: string, hash: string): boolean {
  return timingSafeEqualText(hashToken(token), hash);
}

/** Compares two texts in a time that tells neither where they differ nor how long the other one is. */
export function timingSafeEqualText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
