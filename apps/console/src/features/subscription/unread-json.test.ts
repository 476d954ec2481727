import { jsonText, readJson, unreadFaults } from './unread-json';

describe('a JSON field', () => {
  it('holds the value of its text, and nothing when it is empty', () => {
    expect(readJson('{"a": [1]}')).toEqual({ a: [1] });
    expect(readJson('  ')).toBeUndefined();
    expect(jsonText({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(jsonText(undefined)).toBe('');
  });

  it('keeps a text that can not be read, and says where and why', () => {
    const held = readJson('{"a": ');
    expect(jsonText(held)).toBe('{"a": ');
    const faults = unreadFaults([
      { id: 'a1', type: 'x', enabled: true, good: { a: 1 } },
      { id: 'a2', type: 'x', enabled: true, options: { inner: held } },
    ]);
    expect(Object.keys(faults)).toEqual(['actions[1].options.inner']);
    expect(faults['actions[1].options.inner']).toMatch(/JSON/);
  });
});
