import { actionFaults, bodyOfDraft, duplicateAction, moved, newAction, parseDraft } from './subscription-draft';

describe('actions of a draft', () => {
  it('get the first free id', () => {
    expect(newAction('log', [{ id: 'a1' }, { id: 'a3' }])).toEqual({ id: 'a2', type: 'log', enabled: true });
    expect(duplicateAction({ id: 'a1', type: 'log', enabled: false }, [{ id: 'a1' }])).toEqual({
      id: 'a2',
      type: 'log',
      enabled: false,
    });
  });

  it('move to another place', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
    expect(moved(['a'], 0, 1)).toEqual(['a']);
  });

  it('are saved without what was emptied', () => {
    const body = bodyOfDraft({
      actions: [
        {
          id: 'a1',
          type: 'webhook',
          enabled: false,
          url: 'x',
          body: '',
          headers: {},
          retry: { max_attempts: undefined },
        },
      ],
    });
    expect(body.actions).toEqual([{ id: 'a1', type: 'webhook', enabled: false, url: 'x' }]);
  });

  it('have their own faults', () => {
    const faults = { 'actions[1].url': 'must be a URL', 'actions[10].url': 'other', 'actions[1]': 'bad', name: 'x' };
    expect(actionFaults(faults, 1)).toEqual({ url: 'must be a URL', '': 'bad' });
  });
});

describe('the raw JSON view', () => {
  it('reads what the API takes, and fills in ids', () => {
    const parsed = parseDraft('{"name":"n","topic":"t","actions":[{"type":"log"},{"type":"log","id":"a1"}]}');
    expect(parsed).toMatchObject({
      ok: true,
      draft: { name: 'n', payload_format: 'json', actions: [{ id: 'a2', enabled: true }, { id: 'a1' }] },
    });
  });

  it('tells what is wrong', () => {
    expect(parseDraft('{')).toMatchObject({ ok: false });
    expect(parseDraft('[]')).toEqual({ ok: false, message: 'must be an object' });
    expect(parseDraft('{"nmae":"x"}')).toEqual({ ok: false, message: 'unknown: nmae' });
    expect(parseDraft('{"actions":[{}]}')).toEqual({ ok: false, message: 'every action needs a type' });
  });
});
