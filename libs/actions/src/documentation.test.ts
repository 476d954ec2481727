import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTION_TYPES, validateActions } from './action-registry';

describe('docs/actions.md', () => {
  const text = readFileSync(join(__dirname, '../../../docs/actions.md'), 'utf8');
  const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(
    ([, json]) => JSON.parse(json as string) as { type: string }[],
  );

  it('has an example of each type', () => {
    expect(new Set(examples.flat().map(({ type }) => type))).toEqual(new Set(ACTION_TYPES));
  });

  it.each(examples.map((actions) => [actions[0]?.type, actions] as const))(
    'has a valid example of %s',
    (_type, actions) => {
      expect(validateActions(actions).faults).toEqual([]);
    },
  );
});
