import { cleanText, cleanTexts, cutText } from './clean-text';

it('replaces what a store refuses and leaves everything else alone', () => {
  expect(cleanText('a\u0000b\ud800c\udc00d 😀 ü')).toBe('a\ufffdb\ufffdc\ufffdd 😀 ü');
  expect(cleanText('\ud83d\ude00\ud83d')).toBe('😀\ufffd');
});

it('never cuts a character in half', () => {
  expect(cutText('ab😀cd', 3)).toBe('ab…');
  expect(cutText('ab😀cd', 4)).toBe('ab😀…');
  expect(cutText('short', 5)).toBe('short');
});

it('cleans keys and values at any depth', () => {
  expect(cleanTexts({ 'k\u0000': [{ v: '\udfff' }], n: 1, none: null })).toEqual({
    'k\ufffd': [{ v: '\ufffd' }],
    n: 1,
    none: null,
  });
});
