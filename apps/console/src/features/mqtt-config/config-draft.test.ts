import { bodyOf, type ConfigDraft, changesBetween, KEEP, mergeDrafts, same, testBodyOf } from './config-draft';

const base: ConfigDraft = {
  'broker.host': 'old.example',
  'broker.port': 1883,
  'broker.password': KEEP,
  'broker.user_properties': { a: '1', b: '2' },
  'topics.prefix': 'factory',
};

describe('what a save changes', () => {
  it('names only the fields that differ', () => {
    const draft = { ...base, 'broker.port': 8883, 'broker.user_properties': { b: '2', a: '1' } };
    expect(changesBetween(base, draft)).toEqual([{ field: 'broker.port', before: 1883, after: 8883 }]);
  });

  it('sends only those, a replaced secret as its value and a cleared one as null', () => {
    const draft = { ...base, 'topics.prefix': 'plant', 'broker.password': { kind: 'replace', value: 's3cret' } };
    expect(bodyOf(changesBetween(base, draft))).toEqual({
      topics: { prefix: 'plant' },
      broker: { password: 's3cret' },
    });
    expect(bodyOf(changesBetween(base, { ...base, 'broker.password': { kind: 'clear' } }))).toEqual({
      broker: { password: null },
    });
  });

  it('treats null and absent as the same', () => {
    expect(same(null, undefined)).toBe(true);
    expect(same('', null)).toBe(false);
  });
});

describe('a change by somebody else', () => {
  it('is taken over where I changed nothing', () => {
    const mine = { ...base, 'broker.port': 8883 };
    const theirs = { ...base, 'topics.prefix': 'plant' };
    const { merged, conflicts, taken } = mergeDrafts(base, mine, theirs);
    expect(conflicts).toEqual([]);
    expect(taken).toEqual([{ field: 'topics.prefix', before: 'factory', after: 'plant' }]);
    expect(merged).toEqual({ ...base, 'broker.port': 8883, 'topics.prefix': 'plant' });
  });

  it('conflicts where both changed the same field, and mine stays until one chooses', () => {
    const { merged, conflicts } = mergeDrafts(
      base,
      { ...base, 'broker.host': 'mine.example' },
      { ...base, 'broker.host': 'theirs.example' },
    );
    expect(conflicts).toEqual([
      { field: 'broker.host', base: 'old.example', mine: 'mine.example', theirs: 'theirs.example' },
    ]);
    expect(merged['broker.host']).toBe('mine.example');
  });

  it('does not conflict when both made the same change', () => {
    const both = { ...base, 'broker.port': 8883 };
    expect(mergeDrafts(base, both, both)).toEqual({ merged: both, conflicts: [], taken: [] });
  });

  it('never takes a typed password away', () => {
    const mine = { ...base, 'broker.password': { kind: 'replace', value: 'typed' } };
    const { merged } = mergeDrafts(base, mine, { ...base, 'broker.host': 'new.example' });
    expect(merged['broker.password']).toEqual({ kind: 'replace', value: 'typed' });
    expect(merged['broker.host']).toBe('new.example');
  });
});

describe('a connection test', () => {
  it('tests the broker in the form and leaves a kept secret to the server', () => {
    expect(testBodyOf(base)).toEqual({ host: 'old.example', port: 1883, user_properties: { a: '1', b: '2' } });
    expect(testBodyOf({ ...base, 'broker.password': { kind: 'clear' } }).password).toBeNull();
    expect(testBodyOf({ ...base, 'broker.password': { kind: 'replace', value: 'x' } }).password).toBe('x');
  });
});
