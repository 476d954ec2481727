import { inspect } from 'node:util';
import { generateKey, isPlaceholderKey } from './encryption-key';
import { KeyRing } from './key-ring';
import { EnvelopeFormatError, KeyFormatError, TamperedError, UnknownKeyError } from './secret-errors';

const place = { product_id: 7, table: 'mqtt_configs', column: 'password' };

describe('KeyRing', () => {
  const ring = KeyRing.parse(generateKey());

  it.each(['', 'hunter2', 'ünïcode ✓', 'x'.repeat(100_000)])('opens what it sealed', (plaintext) => {
    expect(ring.open(ring.seal(plaintext, place), place)).toBe(plaintext);
  });

  it('seals the same text differently each time', () => {
    expect(ring.seal('a', place)).not.toBe(ring.seal('a', place));
  });

  it('accepts keys in base64, base64url and hexadecimal as the same key', () => {
    const key = Buffer.alloc(32, 0xfb);
    const ids = (['base64', 'base64url', 'hex'] as const).map((form) => KeyRing.parse(key.toString(form)).primaryKeyId);
    expect(new Set(ids).size).toBe(1);
  });

  it.each([
    ['another product', { ...place, product_id: 8 }],
    ['another table', { ...place, table: 'product_secrets' }],
    ['another column', { ...place, column: 'client_key' }],
    ['another row', { ...place, row: 'NAME' }],
    ['a context text', '7'],
  ])('does not open in %s', (_what, other) => {
    const envelope = ring.seal('secret', place);
    expect(() => ring.open(envelope, other)).toThrow(TamperedError);
  });

  it('does not open when any single character of the envelope is another', () => {
    const envelope = ring.seal('secret', place);
    for (let i = 0; i < envelope.length; i += 1) {
      const changed = `${envelope.slice(0, i)}${envelope[i] === 'A' ? 'Q' : 'A'}${envelope.slice(i + 1)}`;
      let opened: string | null = null;
      try {
        opened = ring.open(changed, place);
      } catch (error) {
        expect([TamperedError, UnknownKeyError, EnvelopeFormatError]).toContain((error as Error).constructor);
      }
      // The last character of a base64url part has bits that mean nothing: then the envelope is the same one, spelt otherwise.
      if (opened !== null) expect('.' === (envelope[i + 1] ?? '.') && opened === 'secret').toBe(true);
    }
  });

  it('does not accept a shortened tag', () => {
    const parts = ring.seal('secret', place).split('.');
    parts[3] = Buffer.from(parts[3] as string, 'base64url')
      .subarray(0, 4)
      .toString('base64url');
    expect(() => ring.open(parts.join('.'), place)).toThrow(TamperedError);
  });

  it('names the key that is missing', () => {
    const other = KeyRing.parse(generateKey());
    const envelope = other.seal('secret', place);
    expect(() => ring.open(envelope, place)).toThrow(UnknownKeyError);
    expect(() => ring.open(envelope, place)).toThrow(other.primaryKeyId);
  });

  it.each(['', 'plain', 'v2.a.b.c.d', 'v1.a.b.c', 'v1.a.b.c.d.e', 'v1.a.b.c.d!'])(
    'says that %p is no envelope',
    (text) => {
      expect(() => ring.open(text, place)).toThrow(EnvelopeFormatError);
    },
  );

  it('opens with old keys, seals with the primary, and tells what needs rotation', () => {
    const [oldKey, newKey] = [generateKey(), generateKey()];
    const before = KeyRing.parse(oldKey).seal('secret', place);
    const rotated = KeyRing.parse(newKey, [oldKey]);
    expect(rotated.open(before, place)).toBe('secret');
    expect(rotated.needsRotation(before)).toBe(true);
    const after = rotated.reseal(before, place);
    expect(rotated.needsRotation(after)).toBe(false);
    expect(KeyRing.parse(newKey).open(after, place)).toBe('secret');
  });

  it('tells which key is malformed without showing it', () => {
    const good = generateKey();
    expect(() => KeyRing.parse('hunter2')).toThrow(KeyFormatError);
    expect(() => KeyRing.parse('hunter2')).toThrow(/^The primary key must be 32 bytes/);
    expect(() => KeyRing.parse(good, [good, 'hunter2'])).toThrow(/^The old key 2 must/);
    expect(() => KeyRing.parse('hunter2')).not.toThrow(/hunter2/);
    expect(() => KeyRing.parse(Buffer.alloc(31).toString('base64'))).toThrow(KeyFormatError);
  });

  it('does not print its keys', () => {
    const key = Buffer.alloc(32, 0xab);
    const shown = inspect(KeyRing.parse(key.toString('hex')), { depth: 9, showHidden: true });
    expect(shown).not.toMatch(/abab|ab ab|q6urq/);
  });

  it('knows keys that people type', () => {
    expect(isPlaceholderKey('0123456789abcdef'.repeat(4))).toBe(true);
    expect(isPlaceholderKey(Buffer.alloc(32).toString('base64'))).toBe(true);
    expect(isPlaceholderKey(generateKey())).toBe(false);
  });
});
