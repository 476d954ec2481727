import { bytesOf, hexLines, indentJson, isBase64 } from './payload-views';

describe('a payload made readable', () => {
  it('keeps every digit, key and escape of JSON', () => {
    const text = '{"id":9007199254740993,"a":1.0,"a":[ ],"t":"x, {y}: \\"z\\"","n":{},"l":[1,[true,null]]}';
    const indented = indentJson(text);
    expect(indented).toContain('"id": 9007199254740993');
    expect(indented).toContain('"a": 1.0,\n  "a": [],');
    expect(indented).toContain('"t": "x, {y}: \\"z\\"",\n  "n": {},');
    expect(indented?.replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
  });

  it('indents as deep as the value nests', () => {
    expect(indentJson('{"a":[1,{"b":2}]}')).toBe('{\n  "a": [\n    1,\n    {\n      "b": 2\n    }\n  ]\n}');
    expect(indentJson('42')).toBe('42');
  });

  it('leaves alone what is not JSON', () => {
    expect(indentJson('{"a":')).toBeNull();
    expect(indentJson('')).toBeNull();
  });
});

describe('the bytes of a payload', () => {
  it('are shown with their offset and the characters that print', () => {
    expect(hexLines(bytesOf('AGFiY//+'), 100)).toBe('000000  00 61 62 63 ff fe                                .abc..');
  });

  it('are cut at the limit', () => {
    expect(hexLines(new Uint8Array(40), 17).split('\n')).toHaveLength(2);
    expect(hexLines(new Uint8Array(40), 17).split('\n')[1]).toMatch(/^000010 {2}00 +\.$/);
  });

  it('are recognised as base64 before they are sent', () => {
    expect(['', 'AAA=', 'AGFiY//+'].every(isBase64)).toBe(true);
    expect(['A', 'AAA', 'a-b_', 'AAA=='].some(isBase64)).toBe(false);
  });
});
