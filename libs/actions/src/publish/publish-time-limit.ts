import { startDeadline } from '../deadline';

/** Runs `work` under a signal that is aborted when the time is over, stalls of ours not counted, or `signal` is. */
export async function withTimeLimit(
  work: (signal: AbortSignal) => Promise<void>,
  { timeout_ms, signal }: { timeout_ms?: number | undefined; signal: AbortSignal | undefined },
): Promise<void> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const cancel = timeout_ms === undefined ? undefined : startDeadline(timeout_ms, stop);
  try {
    await work(limit.signal);
  } finally {
    cancel?.();
    signal?.removeEventListener('abort', stop);
  }
}
