import type { QueueBackend } from '@cortex-mqtt/queues';
import type { JobQueues } from './job-queues';

/** Job queues over the backend that the rest of the process uses. Queues stay open until the backend is closed. */
export function createQueueAdder({ backend }: { backend: QueueBackend }): JobQueues {
  return {
    add: async ({ queue, name, data, job_id, delay_ms, priority, attempts }, { limit_ms }) => {
      const producer = backend.queue<{ name: string; data: unknown }>(queue);
      await producer.add(name, data, { job_id, delay_ms, priority, attempts, limit_ms });
    },
  };
}
