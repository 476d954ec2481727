import { generateToken, hashToken, timingSafeEqualText, tokenMatches } from './token';

describe('tokens', () => {
  it('are long, random, recognisable, and found by their hash', () => {
    const { token, hash } = generateToken('cmq_listener');
    expect(token).toMatch(/^cmq_listener_[A-Za-z0-9_-]{43}$/);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashToken(token)).toBe(hash);
    expect(tokenMatches(token, hash)).toBe(true);
    expect(tokenMatches(`${token}x`, hash)).toBe(false);
    expect(tokenMatches(token, '')).toBe(false);
    expect(generateToken('a').token).not.toBe(generateToken('a').token);
  });
});

describe('timingSafeEqualText', () => {
  it.each([
    ['', '', true],
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'abcd', false],
    ['ü', 'u', false],
  ])('compares %p with %p', (a, b, equal) => {
    expect(timingSafeEqualText(a, b)).toBe(equal);
  });
});
