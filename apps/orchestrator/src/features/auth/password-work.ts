import { hashPassword, needsRehash, verifyPassword } from '@cortex-mqtt/secrets';
import { UnavailableError } from '../../http/app-error';

const MAX_AT_ONCE = 2;
const MAX_WAITING = 30;

/** Hashing takes 128 MiB and some 0.4 s each: a flood of sign-ins must not take all memory. */
export interface PasswordWork {
  hash(password: string): Promise<string>;
  /** With null (no such user) it takes as long as with a hash. */
  verify(password: string, hash: string | null): Promise<boolean>;
  needsRehash(hash: string): boolean;
}

export function createPasswordWork(): PasswordWork {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function within<T>(work: () => Promise<T>): Promise<T> {
    if (running >= MAX_AT_ONCE) {
      if (waiting.length >= MAX_WAITING) throw new UnavailableError('Too many people are signing in; try again.');
      // The one that ends hands its place over, so nobody overtakes.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    hash: (password) => within(() => hashPassword(password)),
    verify: (password, hash) => within(() => verifyPassword(password, hash)),
    needsRehash,
  };
}
