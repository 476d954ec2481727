import type { BackendFactory, ConnectionOptions } from 'bullmq';

/** What a job takes in the store. */
export interface JobSize {
  job_id: string;
  bytes: number;
}

/** What differs between the two backends. Everything above it speaks BullMQ's common API. */
export interface QueueDriver {
  readonly kind: 'redis' | 'postgres';
  readonly prefix: string;
  /** undefined = BullMQ's default, Redis. */
  readonly backendFactory: BackendFactory | undefined;
  /** Resolves when an operation sent now has a chance; rejects with QueueUnavailableError after `limit_ms`. */
  ready(limit_ms: number): Promise<void>;
  /** Connection that all producers share; closed by `close`. */
  producerConnection(): ConnectionOptions;
  /** Connection options of a worker or of queue events, which hold connections of their own. */
  consumerConnection(): ConnectionOptions;
  listQueueNames(): Promise<string[]>;
  /** Failed jobs of a queue and the bytes that their data takes, oldest first. */
  failedSizes(name: string): Promise<JobSize[]>;
  /** How many failed jobs queues have; one without any may be missing. */
  failedCounts(names: readonly string[]): Promise<Map<string, number>>;
  /** Removes what is left of a queue after BullMQ's obliterate. */
  forget(name: string): Promise<void>;
  /** Settings that can lose jobs, in words; empty = none. */
  check(): Promise<string[]>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
