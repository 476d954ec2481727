import { compileTemplate, rawPayloadOf } from '@cortex-mqtt/expressions';
import { toActionFault } from '../action-fault';
import type { ActionType, PrepareContext } from '../action-type';
import { templateFaults } from '../field-checks';
import { scopeOf } from '../rendering';
import type { JobRequest } from './job-queues';
import { QueueAction } from './queue-action';

export interface PreparedJob extends JobRequest {
  timeout_ms: number;
}

export const queueAction: ActionType<QueueAction, PreparedJob> = {
  type: 'queue',
  title: 'Add a job to a queue',
  description: 'Adds a BullMQ job for a worker of yours. A message that is delivered again adds no second job.',
  definition: QueueAction,
  check: (definition, context) => templateFaults('job_name', definition.job_name, context),
  compile: (definition) => {
    const name = compileTemplate(definition.job_name);
    return async (context) => ({
      queue: definition.queue,
      name: await name.render(scopeOf(context), { escape: 'none' }),
      data: context.input === undefined ? envelopeData(context) : context.input,
      job_id: context.envelope.id,
      delay_ms: definition.delay_ms,
      priority: definition.priority,
      attempts: definition.attempts,
      timeout_ms: definition.timeout_ms ?? 10_000,
    });
  },
  execute: async ({ timeout_ms, ...job }, runtime) => {
    try {
      await runtime.queues.add(job, { limit_ms: timeout_ms });
    } catch (error) {
      throw toActionFault(error);
    }
    return { detail: { queue: job.queue, job_id: job.job_id } };
  },
  destination: ({ queue }) => `queue ${queue}`,
  preview: ({ timeout_ms, ...job }) => ({ ...job }),
};

/** The envelope as a worker gets it; `payload_text` has the bytes of a JSON payload where parsing has changed them. */
function envelopeData({ envelope }: PrepareContext): Record<string, unknown> {
  const data: Record<string, unknown> = { ...envelope };
  const raw = rawPayloadOf(envelope);
  if (raw?.format !== 'json') return data;
  const text = raw.bytes.toString('utf8');
  // Only numbers can change; a text without a long run of digits has none that does.
  if (/\d{16}|\d\.\d{15}|[eE]/.test(text) && JSON.stringify(envelope.payload) !== text) data.payload_text = text;
  return data;
}
