import type { AttemptContext } from './attempt-context';

/** What an attempt that succeeded has to tell: `detail` is small and free of secrets. */
export interface ActionOutcome {
  detail: Record<string, unknown>;
}

export interface ExecuteOptions {
  /** Aborted when the listener stops. */
  signal?: AbortSignal;
  /** Milliseconds the attempt may take. */
  timeout_ms: number;
  /** 1 for the first. */
  attempt: number;
  /** Travels with what is sent; absent: nothing is traced. */
  trace?: AttemptContext | null;
}
