import { validateActions } from './action-registry';

describe('validateActions', () => {
  it('fills in the id and enabled of an action that has neither', () => {
    const { actions, faults } = validateActions([
      { type: 'log' },
      { id: 'a2', type: 'log' },
      { type: 'log', enabled: false },
    ]);
    expect(faults).toEqual([]);
    expect(actions.map((action) => [action.id, action.enabled])).toEqual([
      ['a1', true],
      ['a2', true],
      ['a3', false],
    ]);
  });

  it('names the path of every fault', () => {
    const { faults } = validateActions([
      { type: 'webhook' },
      { type: 'teleport' },
      { type: 'log', colour: 'red' },
      7,
      { type: 'webhook', url: 'https://example.test/', retry: { max_attempts: 0 } },
    ]);
    const fields = faults.map((fault) => fault.field);
    expect(fields).toContain('actions[0].url');
    expect(fields).toContain('actions[1].type');
    expect(faults).toContainEqual({ field: 'actions[2].colour', message: 'is not a known field' });
    expect(fields).toContain('actions[3]');
    expect(fields).toContain('actions[4].retry.max_attempts');
  });

  it('refuses an id that is used twice and a queue of the system', () => {
    const { faults } = validateActions([
      { id: 'x', type: 'log' },
      { id: 'x', type: 'queue', queue: 'deliveries-1', job_name: 'j' },
      { id: 'x', type: 'log' },
    ]);
    expect(faults.map((fault) => fault.field)).toEqual(['actions[1].queue', 'actions[2].id']);
  });
});
