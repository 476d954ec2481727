import { storableText, storableValue } from './storable-text';

describe('storableText', () => {
  it.each([
    ['a\u0000b', 'ab'],
    ['half \ud83d', 'half \ufffd'],
    ['\ude00 half', '\ufffd half'],
    ['whole \ud83d\ude00', 'whole \ud83d\ude00'],
  ])('%j becomes %j', (text, stored) => expect(storableText(text)).toBe(stored));

  it('cuts between characters, never in one', () => {
    expect(storableText('ab\ud83d\ude00cd', 4)).toBe('ab…');
    expect(storableText('ab\ud83d\ude00cd', 5)).toBe('ab\ud83d\ude00…');
    expect(storableText('abcd', 4)).toBe('abcd');
  });
});

describe('storableValue', () => {
  it('cleans every text, names too', () => {
    expect(storableValue({ 'a\u0000': ['\ud800', 1, null, { b: 'x\u0000' }] })).toEqual({
      a: ['\ufffd', 1, null, { b: 'x' }],
    });
  });
});
