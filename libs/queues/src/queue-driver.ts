import type { BackendFactory, ConnectionOptions } from 'bullmq';

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
  /** Removes what is left of a queue after BullMQ's obliterate. */
  forget(name: string): Promise<void>;
  /** Settings that can lose jobs, in words; empty = none. */
  check(): Promise<string[]>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
