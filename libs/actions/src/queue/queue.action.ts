import {
  compileTemplate,
  type ExactValue,
  envelopeValue,
  greatestChange,
  rawPayloadOf,
} from '@cortex-mqtt/expressions';
import { isContentRefused } from '@cortex-mqtt/queues';
import { ActionFault, toActionFault } from '../action-fault';
import type { ActionType, PrepareContext } from '../action-type';
import { templateFaults } from '../field-checks';
import { scopeOf } from '../rendering';
import type { JobRequest } from './job-queues';
import { isAllowedQueue } from './allowed-queues';
import { QueueAction } from './queue-action';

export interface PreparedJob extends Omit<JobRequest, 'trace'> {
  timeout_ms: number;
}

export const queueAction: ActionType<QueueAction, PreparedJob> = {
  type: 'queue',
  title: 'Add a job to a queue',
  description: 'Adds a BullMQ job for a worker of yours. A message that is delivered again adds no second job.',
  definition: QueueAction,
  check: ({ queue, job_name }, context) => [
    ...(isAllowedQueue(queue, context.allowedQueues ?? null)
      ? []
      : [{ field: 'queue', message: 'is not among the queues that the settings of this product allow' }]),
    ...templateFaults('job_name', job_name, context),
  ],
  compile: (definition) => {
    const name = compileTemplate(definition.job_name);
    return async (context) => ({
      queue: definition.queue,
      name: await name.render(scopeOf(context), { escape: 'none' }),
      data: context.input === undefined ? envelopeData(context) : inputData(context.input),
      job_id: context.envelope.id,
      delay_ms: definition.delay_ms,
      priority: definition.priority,
      attempts: definition.attempts,
      timeout_ms: definition.timeout_ms ?? 10_000,
    });
  },
  execute: async ({ timeout_ms, ...job }, runtime, { trace }) => {
    try {
      await runtime.queues.add({ ...job, trace: trace ?? null }, { limit_ms: timeout_ms });
    } catch (error) {
      throw toActionFault(error);
    }
    return { detail: { queue: job.queue, job_id: job.job_id } };
  },
  destination: ({ queue }) => `queue ${queue}`,
  preview: ({ timeout_ms, ...job }) => ({ ...job }),
  batch: {
    groupOf: ({ queue }) => queue,
    bytesOf: ({ data }) => JSON.stringify(data)?.length ?? 4,
    execute: async (items, runtime) => {
      const [{ queue, timeout_ms }] = items as [PreparedJob, ...PreparedJob[]];
      // A write for many belongs to no one trace.
      const jobs = items.map(({ timeout_ms: _limit, ...job }) => ({ ...job, trace: null }));
      try {
        await runtime.queues.addBulk(queue, jobs, { limit_ms: timeout_ms });
      } catch (error) {
        throw isContentRefused(error) ? refused(error) : toActionFault(error);
      }
      return jobs.map(({ job_id }) => ({ detail: { queue, job_id } }));
    },
    mayBeOfOne: ({ permanent }) => permanent,
    preview: (items) => ({ queue: items[0]?.queue, jobs: items.map(({ timeout_ms, queue, ...job }) => job) }),
  },
};

/** The queue does not take what is in it, at this attempt or another. */
function refused(error: unknown): ActionFault {
  const { message, detail } = toActionFault(error);
  return new ActionFault(message, { permanent: true, detail, cause: error });
}

/** The envelope as a worker gets it; `payload_text` has the text of a JSON payload with a number that parsing changes. */
function envelopeData({ envelope }: PrepareContext): Record<string, unknown> {
  const data: Record<string, unknown> = { ...envelopeValue(envelope) };
  const raw = rawPayloadOf(envelope);
  if (raw?.format !== 'json') return data;
  const text = raw.bytes.toString('utf8');
  if (greatestChange(text) !== 'none') data.payload_text = text;
  return data;
}

/** A worker parses its job: an identifier that doesn't survive this must not arrive as another one. */
function inputData({ value, rounding }: ExactValue): unknown {
  if (rounding !== 'kept') return value;
  throw new ActionFault(
    'the input holds a number with more digits than a worker would read; make it a text with $string(…)',
    { permanent: true, detail: { code: 'NUMBER_NOT_EXACT' } },
  );
}
