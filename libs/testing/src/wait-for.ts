import { setTimeout as delay } from 'node:timers/promises';

export interface WaitForOptions {
  /** Default 10 s. */
  timeout_ms?: number;
  /** Default 10 ms. */
  interval_ms?: number;
  /** What was waited for, for the error; a function is called at the timeout, to show the last state. */
  message?: string | (() => string);
}

/**
 * Waits until a condition gives something truthy, and answers with that. The condition may throw while things are not
 * there yet: its last error is shown at the timeout.
 *
 * @throws at the timeout, with the message and the condition's last error as cause.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitForOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { timeout_ms = 10_000, interval_ms = 10, message } = options;
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    let fault: unknown;
    try {
      const value = await condition();
      if (value) {
        return value as Exclude<T, false | null | undefined | 0 | ''>;
      }
    } catch (error) {
      fault = error;
    }
    if (Date.now() >= deadline) {
      const what = typeof message === 'function' ? message() : (message ?? condition.toString());
      const why = fault instanceof Error ? ` (${fault.message})` : '';
      throw new Error(`waited ${timeout_ms} ms in vain: ${what}${why}`, { cause: fault });
    }
    await delay(interval_ms);
  }
}
