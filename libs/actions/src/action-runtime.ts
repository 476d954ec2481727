import type { HttpSender } from './webhook/http/http-sender';
import type { PostgresSender } from './postgres/postgres-sender';
import type { HopMemory } from './publish/hop-memory';
import type { Publisher } from './publish/publisher';
import type { JobQueues } from './queue/job-queues';
import type { ActionLog } from './log/action-log';

/** What actions reach the world through; handed in by who runs them. */
export interface ActionRuntime {
  http: HttpSender;
  publisher: Publisher;
  /** Of what `publisher` has published. */
  hops: HopMemory;
  queues: JobQueues;
  postgres: PostgresSender;
  log: ActionLog;
}
