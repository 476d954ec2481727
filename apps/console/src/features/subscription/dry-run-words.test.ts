import type { DryRunAction, DryRunResult } from '../../api/types';
import { actionSteps, actionVerdict, messageSteps } from './dry-run-words';

const action = (overrides: Partial<DryRunAction>): DryRunAction => ({
  action_id: 'a1',
  type: 'log',
  name: null,
  enabled: true,
  when: null,
  input: null,
  request: { ok: true, value: { line: 'x' } },
  would_run: true,
  ...overrides,
});

const fault = { ok: false, fault: { message: 'no such function', permanent: true } } as const;

describe('the outcome of an action', () => {
  it('is that it would run, would not, fails, or is off', () => {
    expect(actionVerdict(action({})).tone).toBe('ok');
    expect(actionVerdict(action({ would_run: false, when: { ok: true, value: false }, request: null })).tone).toBe(
      'off',
    );
    expect(actionVerdict(action({ input: fault, request: null, would_run: false })).tone).toBe('bad');
    expect(actionVerdict(action({ enabled: false, input: fault })).words).toBe('switched off');
  });

  it('is told step by step', () => {
    const steps = actionSteps(action({ when: { ok: true, value: true }, input: fault, request: null }));
    expect(steps.map((step) => [step.key, step.tone, step.outcome])).toEqual([
      ['when', 'ok', 'lets it through'],
      ['input', 'bad', 'no such function'],
    ]);
  });
});

describe('what would be sent', () => {
  const request = { ok: true, value: { method: 'POST', body: '{"a":1}' } } as const;

  it('shows a body as it is sent, on a line of its own', () => {
    const steps = actionSteps(action({ request }));
    expect(steps.map(({ key, value }) => [key, value])).toEqual([
      ['request', { method: 'POST' }],
      ['body', '{\n  "a": 1\n}'],
    ]);
  });

  it('is not shown where the condition holds it back', () => {
    const held = action({ would_run: false, when: { ok: true, value: false }, request });
    expect(actionSteps(held).map(({ key }) => key)).toEqual(['when']);
  });
});

describe('the way of a message to its actions', () => {
  it('ends where it ends', () => {
    const result: DryRunResult = {
      matched: true,
      params: { machine: 'press-4' },
      decode: { ok: true, value: {} },
      filter: { ok: true, value: false },
      identity: { ok: true, value: { message_id: 'm1', carried: true } },
      ordering_key: null,
      actions: [],
    };
    expect(messageSteps(result).map((step) => [step.key, step.tone])).toEqual([
      ['matched', 'ok'],
      ['decode', 'ok'],
      ['filter', 'off'],
      ['identity', 'ok'],
    ]);
  });
});
