import { changeRows, effectOf, valueWords } from './change-words';

describe('a change in words', () => {
  it('never shows a secret', () => {
    const [row] = changeRows([
      { field: 'broker.password', before: { kind: 'keep' }, after: { kind: 'replace', value: 'hunter2' } },
    ]);
    expect(JSON.stringify(row)).not.toContain('hunter2');
    expect(row?.after).toBe('a new one');
  });

  it('tells empty values, switches, lists and objects', () => {
    expect(valueWords('broker.username', null)).toBe('empty');
    expect(valueWords('topics.use_shared', true)).toBe('on');
    expect(valueWords('broker.alpn_protocols', ['mqtt', 'x'])).toBe('mqtt, x');
    expect(valueWords('broker.user_properties', { region: 'eu' })).toBe('region: eu');
  });

  it('tells what the listeners will do', () => {
    expect(effectOf([{ field: 'topics.prefix', before: 'a', after: 'b' }])).toContain('resubscribe');
    expect(
      effectOf([
        { field: 'topics.prefix', before: 'a', after: 'b' },
        { field: 'broker.host', before: 'a', after: 'b' },
      ]),
    ).toContain('reconnect');
  });
});
