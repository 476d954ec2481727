import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** OWASP Password Storage Cheat Sheet: N = 2^17, r = 8, p = 1, which takes 128 MiB and some 0.4 s a password. */
const COST = { ln: 17, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A stored hash never makes us spend more than this (2^18 × 8 × 128 B = 256 MiB). */
const MAX_COST = { ln: 18, r: 16, p: 4 };

/** Hash of a password with its parameters: `$scrypt$ln=17,r=8,p=1$<salt>$<hash>` (PHC string format). */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { salt, ...COST, length: HASH_BYTES });
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(hash)}`;
}

/**
 * Whether a password belongs to a hash; false for a malformed hash. With null (no such user) it takes as long as with a hash,
 * so that the time does not tell which users exist.
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const parsed = stored === null ? null : parse(stored);
  if (parsed === null) {
    await derive(password, { salt: Buffer.alloc(SALT_BYTES), ...COST, length: HASH_BYTES });
    return false;
  }
  const hash = await derive(password, { ...parsed, length: parsed.hash.length });
  return timingSafeEqual(hash, parsed.hash);
}

/** Whether a hash was made with other parameters than today's; rehash at the next successful login. */
export function needsRehash(stored: string): boolean {
  const parsed = parse(stored);
  return parsed === null || parsed.ln !== COST.ln || parsed.r !== COST.r || parsed.p !== COST.p;
}

interface Parameters {
  salt: Buffer;
  ln: number;
  r: number;
  p: number;
}

function parse(stored: string): (Parameters & { hash: Buffer }) | null {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/.exec(
    stored,
  );
  if (match === null) return null;
  const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  if (ln < 1 || r < 1 || p < 1 || ln > MAX_COST.ln || r > MAX_COST.r || p > MAX_COST.p) return null;
  return { ln, r, p, salt: Buffer.from(match[4] ?? '', 'base64'), hash: Buffer.from(match[5] ?? '', 'base64') };
}

function derive(password: string, { salt, ln, r, p, length }: Parameters & { length: number }): Promise<Buffer> {
  const N = 2 ** ln;
  // Node refuses more than 32 MiB unless told.
  const options: ScryptOptions = { N, r, p, maxmem: 128 * r * (N + p + 2) };
  return new Promise((resolve, reject) => {
    // NFKC: the same password typed on another keyboard gives the same bytes (NIST SP 800-63B, 5.1.1.2).
    scrypt(password.normalize('NFKC'), salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
