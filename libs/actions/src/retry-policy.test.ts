import { DEFAULT_RETRY, nextDelay } from './retry-policy';

describe('nextDelay', () => {
  const policy = { max_attempts: 5, base_delay_ms: 100, max_delay_ms: 300 };

  it('doubles its ceiling up to the longest pause', () => {
    expect([1, 2, 3, 4].map((attempt) => nextDelay(policy, attempt, null, () => 1))).toEqual([100, 200, 300, 300]);
  });

  it('is anywhere between nothing and the ceiling', () => {
    expect(nextDelay(policy, 2, null, () => 0)).toBe(0);
    expect(nextDelay(policy, 2, null, () => 0.5)).toBe(100);
  });

  it('ends after the last attempt', () => {
    expect(nextDelay(policy, 5)).toBeNull();
    expect(nextDelay({ max_attempts: 1 }, 1)).toBeNull();
  });

  it('never undercuts what the destination asked for, and believes a day at most', () => {
    expect(nextDelay(policy, 1, 5_000, () => 0)).toBe(5_000);
    expect(nextDelay(policy, 1, 5_000, () => 1)).toBe(5_100);
    expect(nextDelay(policy, 1, 1e12, () => 0)).toBe(86_400_000);
    expect(nextDelay(policy, 5, 5_000)).toBeNull();
  });

  it('is never shortened by what the destination asked for', () => {
    expect(nextDelay(policy, 3, 0, () => 1)).toBe(300);
    expect(nextDelay(policy, 3, 250, () => 0.5)).toBe(300);
  });

  it('takes about a day in all by default', () => {
    let total = 0;
    for (let attempt = 1; ; attempt += 1) {
      const delay = nextDelay(null, attempt, null, () => 0.5);
      if (delay === null) break;
      total += delay;
    }
    expect(total / 3_600_000).toBeGreaterThan(20);
    expect(total / 3_600_000).toBeLessThan(30);
    expect(DEFAULT_RETRY.max_attempts).toBe(27);
  });

  it('stays finite whatever the policy', () => {
    expect(nextDelay({ max_attempts: 10_000, max_delay_ms: 1_000 }, 9_000, null, () => 1)).toBe(1_000);
  });
});
