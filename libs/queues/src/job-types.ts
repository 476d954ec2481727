/** A union of `{name, data}`, one member a job; see `ControlJob` in contracts. */
export interface JobShape {
  name: string;
  data: unknown;
}

export type JobName<J extends JobShape> = J['name'];
export type JobData<J extends JobShape, N extends JobName<J>> = Extract<J, { name: N }>['data'];

/** A job as its handler sees it. */
export interface RunningJob<Name extends string, Data> {
  id: string;
  name: Name;
  data: Data;
  /** Times it was begun before and ended in an error. */
  attempts_made: number;
  /** Milliseconds since the epoch at which it was added. */
  added_at_ms: number;
  /** Aborted when the worker stops without waiting. */
  signal: AbortSignal | undefined;
  /** Stores new data. */
  updateData(data: Data): Promise<void>;
  /** Puts the job back for `delay_ms` and ends this run: `throw await job.postpone(ms)`. Counts no attempt. */
  postpone(delay_ms: number): Promise<Error>;
}

/** One handler a job name; the compiler refuses a missing one. */
export type JobHandlers<J extends JobShape> = {
  [N in JobName<J>]: (job: RunningJob<N, JobData<J, N>>) => Promise<unknown>;
};

export interface AddOptions {
  /** No `:` and not a bare integer. An id that exists already keeps the old job, silently. */
  job_id?: string;
  delay_ms?: number;
  /** 1 (first) – 2097152. */
  priority?: number;
  /** Runs in all, the first included. */
  attempts?: number;
  /** Milliseconds before the second run, doubled before each further one; by default they follow at once. */
  backoff_ms?: number;
  /** What BullMQ's telemetry hands from producer to worker. */
  telemetry?: string;
  /** Milliseconds after which the add is given up with QueueUnavailableError. */
  limit_ms?: number;
}
