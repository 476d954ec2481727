/** Whether a product may add jobs to a queue. `x*` are those that begin with x; null allows every one. */
export function isAllowedQueue(queue: string, allowed: readonly string[] | null): boolean {
  if (allowed === null) return true;
  return allowed.some((one) => (one.endsWith('*') ? queue.startsWith(one.slice(0, -1)) : queue === one));
}

/** Queues that stored actions add jobs to. */
export function queuesOf(actions: readonly object[]): string[] {
  return actions.flatMap((action) =>
    'type' in action && action.type === 'queue' && 'queue' in action ? [String(action.queue)] : [],
  );
}
