import { cleanTexts, hostileFaults } from './hostile-shape';

const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

describe('the shape of JSON', () => {
  it.each([
    ['{"a":{"__proto__":{"x":1}}}', { field: 'a', message: 'must not have a field named __proto__' }],
    ['{"a":[{"constructor":1}]}', { field: 'a[0]', message: 'must not have a field named constructor' }],
    ['{"a":["x\\u0000"]}', { field: 'a[0]', message: 'must not contain the null character' }],
    ['{"a\\u0000":1}', { field: '', message: 'must not contain the null character' }],
    ['{"a":"\\ud800"}', { field: 'a', message: 'must be well-formed Unicode: it has half of a surrogate pair' }],
  ])('is refused in %s', (json, fault) => {
    expect(hostileFaults(JSON.parse(json))).toEqual([fault]);
  });

  it('is refused beyond 64 levels, however many there are', () => {
    expect(hostileFaults(nested(64))).toEqual([]);
    for (const levels of [65, 50_000]) {
      expect(hostileFaults(nested(levels))).toEqual([
        { field: '', message: 'must not be nested deeper than 64 levels' },
      ]);
    }
  });

  it('keeps what people write', () => {
    const input = { name: 'Ärger 😀', actions: [{ input: { a: null, b: [1, 'two', { c: true }] } }] };
    expect(hostileFaults(input)).toEqual([]);
    expect(cleanTexts(structuredClone(input))).toEqual([]);
  });

  it('of a report keeps the rest of a text that Postgres could not hold', () => {
    const report = JSON.parse('{"events":[{"error":"bad\\u0000 \\ud800 end"}]}');
    expect(cleanTexts(report)).toEqual([]);
    expect(report).toEqual({ events: [{ error: 'bad\ufffd \ufffd end' }] });
  });
});
