import { waitAtMost, withTimeLimit } from './time-limit';

const never = new Promise<never>(() => undefined);
const tooLate = () => {
  throw new Error('too late');
};

it('gives what the work gives, and its error', async () => {
  await expect(withTimeLimit(Promise.resolve(1), { limit_ms: 60_000, atLimit: tooLate })).resolves.toBe(1);
  const failing = Promise.reject(new Error('no'));
  await expect(withTimeLimit(failing, { limit_ms: 60_000, atLimit: tooLate })).rejects.toThrow('no');
});

it('ends at the limit with what the caller makes of it', async () => {
  await expect(withTimeLimit(never, { limit_ms: 1, atLimit: () => 'given up' })).resolves.toBe('given up');
  await expect(withTimeLimit(never, { limit_ms: 1, atLimit: tooLate })).rejects.toThrow('too late');
  await expect(waitAtMost(1, never)).resolves.toBeUndefined();
});

it('does not make an uncaught error of work that fails after the limit', async () => {
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<void>((_resolve, reject) => {
    fail = reject;
  });
  await waitAtMost(1, work);
  fail(new Error('late'));
  await expect(work).rejects.toThrow('late');
});

it('leaves no timer behind', async () => {
  jest.useFakeTimers();
  try {
    await withTimeLimit(Promise.resolve(), { limit_ms: 60_000, atLimit: tooLate });
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
