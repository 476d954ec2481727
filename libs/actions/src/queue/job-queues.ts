import type { AttemptContext } from '../attempt-context';

/** A BullMQ job as an action adds it. */
export interface JobRequest {
  queue: string;
  name: string;
  data: unknown;
  /** A job whose id is in the queue already isn't added again, so a repeated delivery collapses into one. */
  job_id: string;
  delay_ms?: number;
  priority?: number;
  attempts?: number;
  /** Travels beside the data, where BullMQ's own telemetry looks for it. */
  trace: AttemptContext | null;
}

/** Adds jobs for downstream workers. Rejects when the queue doesn't answer within `limit_ms`. */
export interface JobQueues {
  add(job: JobRequest, options: { limit_ms: number }): Promise<void>;
  /** Adds jobs of one queue, all or none. */
  addBulk(queue: string, jobs: readonly JobRequest[], options: { limit_ms: number }): Promise<void>;
}
