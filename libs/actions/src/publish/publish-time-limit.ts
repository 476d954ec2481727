/** Runs `work` under a signal that is aborted when the time is over or `signal` is. */
export async function withTimeLimit(
  work: (signal: AbortSignal) => Promise<void>,
  { timeout_ms, signal }: { timeout_ms?: number | undefined; signal: AbortSignal | undefined },
): Promise<void> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const timer = timeout_ms === undefined ? undefined : setTimeout(stop, timeout_ms);
  try {
    await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
