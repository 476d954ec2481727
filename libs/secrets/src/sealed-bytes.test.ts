import { TamperedError } from './secret-errors';
import { deriveDataKey, generateDataKey, openBytes, sealBytes } from './sealed-bytes';

describe('sealed bytes', () => {
  const key = generateDataKey();
  const sealed = sealBytes(Buffer.from('the content'), { key, place: 'a/1' });

  it('open with their key at their place, and differ each time', () => {
    expect(openBytes(sealed, { key, place: 'a/1' }).toString()).toBe('the content');
    expect(sealBytes(Buffer.from('the content'), { key, place: 'a/1' })).not.toEqual(sealed);
    expect(sealed.includes('the content')).toBe(false);
  });

  it('do not open elsewhere, with another key, cut off or changed', () => {
    const changed = Buffer.from(sealed);
    changed[30] = (changed[30] as number) ^ 1;
    expect(() => openBytes(sealed, { key, place: 'a/2' })).toThrow(TamperedError);
    expect(() => openBytes(sealed, { key: generateDataKey(), place: 'a/1' })).toThrow(TamperedError);
    expect(() => openBytes(sealed.subarray(0, 20), { key, place: 'a/1' })).toThrow(TamperedError);
    expect(() => openBytes(changed, { key, place: 'a/1' })).toThrow(TamperedError);
  });

  it('have keys that differ by purpose', () => {
    expect(deriveDataKey('secret', 'one')).toEqual(deriveDataKey('secret', 'one'));
    expect(deriveDataKey('secret', 'one')).not.toEqual(deriveDataKey('secret', 'two'));
  });
});
