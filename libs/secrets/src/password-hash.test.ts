import { scryptSync } from 'node:crypto';
import { hashPassword, needsRehash, verifyPassword } from './password-hash';

/** A hash as an earlier version may have made it: cheap, so that the test is. */
function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 1);
  const raw = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 });
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(raw)}`;
}

describe('password hashes', () => {
  it('fit their password only, carry their parameters, and are never twice the same', async () => {
    const [hash, again] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    expect(hash).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    expect(await verifyPassword('correct horsf', hash)).toBe(false);
    expect(needsRehash(hash)).toBe(false);
    expect(again).not.toBe(hash);
  });

  it('do not depend on how a keyboard composes a letter', async () => {
    expect(await verifyPassword('u\u0308', cheapHash('\u00fc'))).toBe(true);
  });

  it('made with other parameters are verified, and to be made anew', async () => {
    expect(await verifyPassword('old', cheapHash('old'))).toBe(true);
    expect(await verifyPassword('new', cheapHash('old'))).toBe(false);
    expect(needsRehash(cheapHash('old'))).toBe(true);
  });

  it.each([null, 'plain', `$scrypt$ln=40,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`])(
    'that are missing, malformed or would cost too much (%p) fit no password',
    async (stored) => {
      expect(await verifyPassword('a', stored)).toBe(false);
    },
  );
});
