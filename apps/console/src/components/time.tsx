import { Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { texts } from '../texts';
import { exactTime, relativeTime } from './relative-time';

/** One clock for the whole page: a thousand times on screen cost one timer. */
const clock = createClock(1_000);

/** The time now, in milliseconds, refreshed each second. */
export function useNow(): number {
  return useSyncExternalStore(clock.subscribe, clock.read);
}

/** A point in time as people say it, with the exact one on hover. */
export function Time({ at, fallback = texts.common.never }: { at: string | null | undefined; fallback?: string }) {
  const now = useNow();
  if (!at) return <span>{fallback}</span>;
  return (
    <Tooltip label={exactTime(at)}>
      <time dateTime={at}>{relativeTime(at, now)}</time>
    </Tooltip>
  );
}

/** Seconds until a moment that is soon, such as the next attempt: `in 12 s`, `now`. */
export function Countdown({ to }: { to: string }) {
  const left_s = Math.ceil((Date.parse(to) - useNow()) / 1_000);
  return (
    <Tooltip label={exactTime(to)}>
      <time dateTime={to}>{left_s > 0 ? texts.time.inSeconds(left_s) : texts.time.now}</time>
    </Tooltip>
  );
}

function createClock(intervalMs: number) {
  const listeners = new Set<() => void>();
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    read: () => now,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      // It has stood still while nobody looked.
      if (timer === undefined) now = Date.now();
      timer ??= setInterval(() => {
        now = Date.now();
        for (const notify of listeners) notify();
      }, intervalMs);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      };
    },
  };
}
