import type { AlertRule } from './alert-rule';
import { type AlertState, nextState } from './next-state';
import { previewRule } from './preview';
import { buildRule } from './testing/build-rule';

/** Runs values, one every ten seconds, and tells the states. */
function run(rule: AlertRule, values: (number | null)[]): string[] {
  let state: AlertState | null = null;
  return values.map((value, index) => {
    state = nextState(rule, state, value, index * 10_000);
    return state.state;
  });
}

const share = (overrides: Partial<AlertRule> = {}): AlertRule =>
  buildRule({ kind: 'failure_rate', threshold: 0.5, for_s: 20, keep_firing_for_s: 20, ...overrides });

describe('the state of a series', () => {
  it('is pending for as long as the rule asks, fires, recovers and resolves', () => {
    expect(run(share(), [0, 1, 1, 1, 0, 0, 0])).toEqual([
      'resolved',
      'pending',
      'pending',
      'firing',
      'recovering',
      'recovering',
      'resolved',
    ]);
  });

  it('forgets a breach that is over before its time', () => {
    expect(run(share(), [1, 1, 0, 1, 1])).toEqual(['pending', 'pending', 'resolved', 'pending', 'pending']);
  });

  it('fires on when the breach returns while it recovers, without a second beginning', () => {
    let state: AlertState | null = null;
    for (const [index, value] of [1, 1, 1, 0, 1].entries()) state = nextState(share(), state, value, index * 10_000);
    expect(state).toMatchObject({ state: 'firing', fired_at_ms: 0 });
  });

  it('stays open between the two thresholds', () => {
    const rule = share({ resolve_threshold: 0.2, for_s: 0, keep_firing_for_s: 0 });
    expect(run(rule, [0.6, 0.3, 0.21, 0.2])).toEqual(['firing', 'firing', 'firing', 'resolved']);
    expect(run(rule, [0.3])).toEqual(['resolved']);
  });

  it('says that nothing is known, and neither opens nor closes by that', () => {
    expect(run(share({ for_s: 0 }), [null, 1, null, 0])).toEqual(['no_data', 'firing', 'firing', 'recovering']);
  });

  it('fires without data when the rule says so', () => {
    expect(run(share({ for_s: 10, no_data: 'fire' }), [null, null])).toEqual(['pending', 'firing']);
  });

  it('takes the severity of the furthest step that is reached', () => {
    const steps = [
      { threshold: 0.9, severity: 'critical' as const },
      { threshold: 0.7, severity: 'warning' as const },
    ];
    const rule = share({ severity: 'info', severity_steps: steps });
    const severity = (value: number) => nextState(rule, null, value, 0).severity;
    expect([0.6, 0.8, 0.95].map(severity)).toEqual(['info', 'warning', 'critical']);
  });

  it('takes a smaller number for the worse one where less is bad', () => {
    const steps = [{ threshold: 3, severity: 'critical' as const }];
    const rule = buildRule({ kind: 'certificate_expiry', threshold: 14, for_s: 0, severity_steps: steps });
    expect(nextState(rule, null, 15, 0).state).toBe('resolved');
    expect(nextState(rule, null, 10, 0)).toMatchObject({ state: 'firing', severity: 'warning' });
    expect(nextState(rule, null, 2, 0)).toMatchObject({ state: 'firing', severity: 'critical' });
  });

  it('finds the same episodes in the past', () => {
    const values = [0, 1, 1, 0.9, 0, 0, 0, 1, 1, 1].map((value, index) => ({ at_ms: index * 10_000, value }));
    expect(previewRule(share(), values)).toEqual([
      { began_ms: 30_000, ended_ms: 60_000, peak: 0.9 },
      { began_ms: 90_000, ended_ms: null, peak: 1 },
    ]);
  });
});
