import type { RetryPolicy } from './action-base';

/** About a day in all: 5 s, 10 s, 20 s, … up to three hours, each a random part of that. */
export const DEFAULT_RETRY: Required<RetryPolicy> = {
  max_attempts: 27,
  base_delay_ms: 5_000,
  max_delay_ms: 10_800_000,
};

/** The longest `Retry-After` that is believed. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/**
 * Milliseconds until the next attempt after `attempt` have failed (1 = the first), or null when that was the last. Exponential
 * with full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"): destinations that come back aren't met by
 * everybody at once. `retry_after_ms`, what the destination asked for, makes the pause longer and never shorter; jitter of one base
 * delay is added to it for the same reason.
 */
export function nextDelay(
  policy: RetryPolicy | null | undefined,
  attempt: number,
  retry_after_ms: number | null = null,
  random: () => number = Math.random,
): number | null {
  const { max_attempts, base_delay_ms, max_delay_ms } = resolveRetry(policy);
  if (attempt >= max_attempts) return null;
  // 2^40 base delays are beyond any cap; without the bound the power would become infinite.
  const ceiling = Math.min(max_delay_ms, base_delay_ms * 2 ** Math.min(attempt - 1, 40));
  const own_ms = random() * ceiling;
  if (retry_after_ms === null) return Math.round(own_ms);
  const asked_ms = Math.min(retry_after_ms, MAX_RETRY_AFTER_MS) + random() * base_delay_ms;
  return Math.round(Math.max(own_ms, asked_ms));
}

export function resolveRetry(policy: RetryPolicy | null | undefined): Required<RetryPolicy> {
  return {
    max_attempts: policy?.max_attempts ?? DEFAULT_RETRY.max_attempts,
    base_delay_ms: policy?.base_delay_ms ?? DEFAULT_RETRY.base_delay_ms,
    max_delay_ms: policy?.max_delay_ms ?? DEFAULT_RETRY.max_delay_ms,
  };
}
