import type { QueueBackend } from '@cortex-mqtt/queues';
import type { AttemptContext } from '../attempt-context';
import type { JobQueues } from './job-queues';

/** Job queues over the backend that the rest of the process uses. Queues stay open until the backend is closed. */
export function createQueueAdder({ backend }: { backend: QueueBackend }): JobQueues {
  return {
    add: async ({ queue, name, data, job_id, delay_ms, priority, attempts, trace }, { limit_ms }) => {
      const producer = backend.queue<{ name: string; data: unknown }>(queue);
      const telemetry = trace === null ? undefined : carrierOf(trace);
      await producer.add(name, data, { job_id, delay_ms, priority, attempts, telemetry, limit_ms });
    },
    addBulk: async (queue, jobs, { limit_ms }) => {
      const producer = backend.queue<{ name: string; data: unknown }>(queue);
      await producer.addBulk(
        jobs.map(({ name, data, job_id, delay_ms, priority, attempts }) => ({
          name,
          data,
          options: { job_id, delay_ms, priority, attempts },
        })),
        { limit_ms },
      );
    },
  };
}

/** As BullMQ's OpenTelemetry package writes and reads it. */
function carrierOf({ traceparent, tracestate }: AttemptContext): string {
  return JSON.stringify({ traceparent, ...(tracestate === null ? {} : { tracestate }) });
}
