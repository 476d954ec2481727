import type { Duplex } from 'node:stream';
import { isNativeError } from 'node:util/types';
import type { ConnectionFailure } from '../diagnosis/failure';

/** Ends a stage: how it failed, as the diagnosis takes it. */
export class StageFailure extends Error {
  override name = 'StageFailure';
  constructor(readonly failure: ConnectionFailure) {
    super(isNativeError(failure) ? failure.message : failure.kind);
  }
}

/** One span of time that several waits share, and a signal that ends them all. */
export interface TimeLimit {
  remaining_ms(): number;
  /** A shorter span within this one. */
  within(span_ms: number): TimeLimit;
  /** The promise's value, or a `StageFailure` (timeout, or the signal's reason). */
  wait<T>(promise: Promise<T>): Promise<T>;
}

export function createTimeLimit(span_ms: number, signal?: AbortSignal): TimeLimit {
  const end = performance.now() + span_ms;
  const remaining_ms = () => Math.max(0, end - performance.now());
  return {
    remaining_ms,
    within: (shorter_ms) => createTimeLimit(Math.min(shorter_ms, remaining_ms()), signal),
    async wait(promise) {
      let timer: NodeJS.Timeout | undefined;
      let abort: (() => void) | undefined;
      const limit = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new StageFailure({ kind: 'timeout' })), remaining_ms());
        abort = () => reject(new StageFailure(cancelled()));
        if (signal?.aborted) abort();
        else signal?.addEventListener('abort', abort, { once: true });
      });
      try {
        return await Promise.race([promise, limit]);
      } finally {
        clearTimeout(timer);
        if (abort) signal?.removeEventListener('abort', abort);
      }
    },
  };
}

const cancelled = (): Error => Object.assign(new Error('the test was cancelled'), { code: 'ABORT_ERR' });

/**
 * How a stream ended, from now on: its error, or that the other side closed it. Also keeps an error that comes between two
 * stages, when nobody listens, from ending the process.
 */
export function watchEnd(stream: Duplex): Promise<ConnectionFailure> {
  return new Promise((resolve) => {
    stream.once('error', resolve);
    stream.on('error', () => undefined);
    stream.once('end', () => resolve({ kind: 'closed' }));
    stream.once('close', () => resolve({ kind: 'closed' }));
  });
}
