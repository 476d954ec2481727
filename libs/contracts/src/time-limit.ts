/**
 * Settles like `work`, but no later than after `limit_ms` milliseconds: then with what `atLimit` gives or throws. The work
 * itself isn't stopped; how it ends after the limit is nobody's news.
 */
export async function withTimeLimit<T, L>(
  work: Promise<T>,
  { limit_ms, atLimit }: { limit_ms: number; atLimit: () => L },
): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limit_ms);
  });
  try {
    return await Promise.race([work, limit.then(atLimit)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `work` is done, or for `limit_ms` milliseconds. Rejects when the work fails within the limit. */
export async function waitAtMost(limit_ms: number, work: Promise<unknown>): Promise<void> {
  await withTimeLimit(work, { limit_ms, atLimit: () => undefined });
}
