import { TooManyRequestsError } from './app-error';
import { USER_LIMITS, UserLimits } from './user-limits';

const retryAfter = (work: () => unknown): number => {
  try {
    work();
  } catch (error) {
    if (error instanceof TooManyRequestsError) return Number(error.headers['Retry-After']);
    throw error;
  }
  return 0;
};

describe('limits of one user', () => {
  let now = 0;
  let limits: UserLimits;
  beforeEach(() => {
    now = 1_000;
    limits = new UserLimits(() => now);
  });

  it('bound what is open at once, and a place is given back once', () => {
    const { at_once } = USER_LIMITS.streams;
    const releases = Array.from({ length: at_once }, () => limits.take('streams', 1));
    expect(retryAfter(() => limits.take('streams', 1))).toBeGreaterThan(0);
    releases[0]?.();
    releases[0]?.();
    expect(retryAfter(() => limits.take('streams', 1))).toBe(0);
    expect(retryAfter(() => limits.take('streams', 1))).toBeGreaterThan(0);
  });

  it('bound how often a minute, and say when the next one may begin', () => {
    for (let count = 0; count < USER_LIMITS.connection_tests.a_minute; count += 1) limits.take('connection_tests', 1)();
    now += 20_000;
    expect(retryAfter(() => limits.take('connection_tests', 1))).toBe(40);
    now += 40_000;
    expect(retryAfter(() => limits.take('connection_tests', 1))).toBe(0);
  });

  it('are counted for each user and each kind by themselves', () => {
    for (let count = 0; count < USER_LIMITS.dry_runs.at_once; count += 1) limits.take('dry_runs', 1);
    expect(retryAfter(() => limits.take('dry_runs', 1))).toBeGreaterThan(0);
    expect(retryAfter(() => limits.take('dry_runs', 2))).toBe(0);
    expect(retryAfter(() => limits.take('bulk_operations', 1))).toBe(0);
  });
});
