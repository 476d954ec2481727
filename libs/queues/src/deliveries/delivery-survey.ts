import type { DeliveryDeferral, DeliveryJob, ProductId } from '@cortex-mqtt/contracts';
import type { JobType } from 'bullmq';
import type { QueueBackend } from '../queue-backend';
import type { TypedQueue } from '../typed-queue';
import { deliveriesQueue, inParallel, makeDue } from './delivery-journal';
import { storedSize } from './stored-payload';

/** What a listener looks for among the deliveries that others have left in the queue. */
export interface SurveyedDelivery {
  job_id: string;
  subscription_id: number;
  ordering: { key: string; sequence: number } | null;
  deferral: DeliveryDeferral | null;
}

/** Looks through a product's queue. All operations throw QueueUnavailableError while the queue is away. */
export interface DeliverySurvey {
  /** All that wait or are being worked, each once, up to `limit`. */
  unfinished(): AsyncGenerator<SurveyedDelivery>;
  /** Only those in a pause. What leaves the queue meanwhile may hide some: look again. */
  paused(): AsyncGenerator<SurveyedDelivery>;
  /** Those of the ids that are still to be delivered. */
  stillUnfinished(job_ids: readonly string[]): Promise<string[]>;
  /** Lets one that waits in a pause begin at once; false when it doesn't wait any more. */
  call(job_id: string): Promise<boolean>;
}

/** Jobs looked through at most, and of one read; fewer of those that are long. */
const SURVEY_LIMIT = 50_000;
const MAX_CHUNK = 200;
const CHUNK_LENGTH = 8 * 1024 * 1024;

export function createDeliverySurvey(deps: { backend: QueueBackend; product_id: ProductId }): DeliverySurvey {
  const queue: TypedQueue<DeliveryJob> = deliveriesQueue(deps.backend, deps.product_id);

  async function* look(types: JobType[]): AsyncGenerator<SurveyedDelivery> {
    const seen = new Set<string>();
    let size = 20;
    for (let start = 0; start < SURVEY_LIMIT; ) {
      const from = start;
      const to = start + size - 1;
      const jobs = await queue.run('survey', (bull) => bull.getJobs(types, from, to, true));
      let length = 0;
      for (const job of jobs) {
        const data = job?.data as DeliveryJob['data'] | undefined;
        if (!job?.id || !data || data.dead_reason !== null) continue;
        length += storedSize(data.message) + 1_000;
        if (seen.has(job.id)) continue;
        seen.add(job.id);
        const { subscription_id, ordering, deferral = null } = data;
        yield { job_id: job.id, subscription_id, ordering, deferral };
      }
      if (jobs.length < size) return;
      // Half of what was read is read again: others move up when some leave the queue meanwhile.
      start += Math.ceil(size / 2);
      size = Math.max(2, Math.min(MAX_CHUNK, Math.floor(CHUNK_LENGTH / (length / jobs.length + 1))));
    }
  }

  return {
    async *unfinished() {
      for (const type of ['active', 'wait', 'delayed'] satisfies JobType[]) yield* look([type]);
    },
    paused: () => look(['delayed']),
    stillUnfinished: (job_ids) =>
      queue.run('states', async (bull) => {
        const there: string[] = [];
        await inParallel(job_ids, async (id) => {
          const state = await bull.getJobState(id);
          if (state !== 'unknown' && state !== 'completed' && state !== 'failed') there.push(id);
        });
        return there;
      }),
    call: (job_id) => makeDue(queue, job_id),
  };
}
