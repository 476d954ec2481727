import { asProductId, type DeliveryJob, type DeliveryJobData, queueNames } from '@cortex-mqtt/contracts';
import {
  DEAD_LETTERS_KEPT_S,
  PermanentJobError,
  type QueueBackend,
  type RunningJob,
  type TypedWorker,
} from '@cortex-mqtt/queues';
import type { Delivery, QueuedFate } from '../pipeline/delivery';
import type { MessagePipeline } from '../pipeline/message-pipeline';
import { restoreProgress, toMessage } from './delivery-data';

/** Deliveries from the queue that one listener runs at once. */
const DEFAULT_CONCURRENCY = 50;
/** Pause of a delivery whose key is under way here, milliseconds. */
const LANE_PAUSE_MS = 500;
/** From this number on, ordering keys whose wait is over are forgotten. */
const MAX_BLOCKERS = 10_000;

/**
 * Works the product's deliveries queue: those whose pause is over, and those of a listener that died and whose lease has
 * run out. The current configuration is applied by id.
 */
export function startRetryWorker(deps: {
  backend: QueueBackend;
  product_id: number;
  pipeline: MessagePipeline;
  concurrency?: number;
  /** Milliseconds until the work of a listener that died in the middle of a retry is taken over. */
  lock_duration_ms?: number;
}): TypedWorker {
  const { backend, pipeline } = deps;
  /** Ordering key → the delivery that failed last, for which those behind it wait. */
  const blockers = new Map<string, { job_id: string; sequence: number; until_ms: number }>();

  const deliver = async (job: RunningJob<'deliver', DeliveryJobData>): Promise<void> => {
    const { data } = job;
    if (data.dead_reason !== null) throw new PermanentJobError(data.dead_reason);
    const plan = pipeline.plan();
    // Without a configuration nothing can be decided about it.
    if (plan === null) throw await job.postpone(1_000);
    const subscription = plan.subscription(data.subscription_id);
    if (!subscription) {
      pipeline.counters.deliveries_taken += 1;
      pipeline.counters.deliveries_dead += 1;
      await bury(job, data, `subscription ${data.subscription_id} does not exist or is disabled`);
    } else {
      const lane = data.ordering === null ? null : `${data.subscription_id}/${data.ordering.key}`;
      const wait_ms = lane === null ? 0 : laneWait(lane, job);
      if (wait_ms > 0) throw await job.postpone(wait_ms);
      const { fate, delivery } = await run(job, subscription);
      if (lane !== null) noteBlocker(lane, job, fate);
      await apply(job, fate, delivery);
    }
  };

  /** Milliseconds for which others of the same key come first; 0 = it is its turn. */
  const laneWait = (lane: string, job: RunningJob<'deliver', DeliveryJobData>): number => {
    const { ordering, subscription_id } = job.data;
    if (ordering === null) return 0;
    if (pipeline.runtime(subscription_id).lanes.has(ordering.key)) return LANE_PAUSE_MS;
    const blocker = blockers.get(lane);
    if (!blocker || blocker.job_id === job.id || ordering.sequence < blocker.sequence) return 0;
    const left_ms = blocker.until_ms - Date.now();
    if (left_ms > 0) return left_ms + 1;
    blockers.delete(lane);
    return 0;
  };

  const noteBlocker = (lane: string, job: RunningJob<'deliver', DeliveryJobData>, fate: QueuedFate): void => {
    if (fate.kind === 'again') {
      if (blockers.size >= MAX_BLOCKERS) {
        for (const [key, { until_ms }] of blockers) if (until_ms < Date.now()) blockers.delete(key);
      }
      blockers.set(lane, {
        job_id: job.id,
        sequence: job.data.ordering?.sequence ?? 0,
        // Some time to be taken up again, here or by another listener.
        until_ms: Date.now() + fate.delay_ms + 2_000,
      });
    } else if (blockers.get(lane)?.job_id === job.id) blockers.delete(lane);
  };

  const run = (
    job: RunningJob<'deliver', DeliveryJobData>,
    subscription: NonNullable<ReturnType<NonNullable<ReturnType<MessagePipeline['plan']>>['subscription']>>,
  ): Promise<{ fate: QueuedFate; delivery: Delivery }> =>
    new Promise((resolve) => {
      const { data } = job;
      pipeline.runQueued({
        subscription,
        message: toMessage(data),
        message_id: data.message.message_id,
        isRevived: data.revived_at_ms !== null,
        restore: (delivery) => {
          restoreProgress(delivery, data);
          delivery.ordering_key = data.ordering?.key ?? null;
        },
        onFate: (fate, delivery) => resolve({ fate, delivery }),
      });
    });

  const apply = async (
    job: RunningJob<'deliver', DeliveryJobData>,
    fate: QueuedFate,
    delivery: Delivery,
  ): Promise<void> => {
    if (fate.kind === 'done') return;
    const succeeded = delivery.subscription.actions.filter((_action, index) => delivery.states[index] === 1);
    const data: DeliveryJobData = {
      ...job.data,
      succeeded_actions: [...new Set([...job.data.succeeded_actions, ...succeeded.map((action) => action.id)])],
      failed_actions: delivery.failures ?? [],
      revision: delivery.subscription.revision,
      attempts_made: Object.fromEntries(
        delivery.subscription.actions.map((action, index) => [action.id, delivery.attempts_made?.[index] ?? 0]),
      ),
      attempts: delivery.attempts ?? [],
      revived_at_ms: null,
    };
    if (fate.kind === 'dead') {
      await bury(job, data, fate.reason);
      return;
    }
    await job.updateData({ ...data, next_try_at: new Date(Date.now() + fate.delay_ms).toISOString() });
    throw await job.postpone(fate.delay_ms);
  };

  const bury = async (
    job: RunningJob<'deliver', DeliveryJobData>,
    data: DeliveryJobData,
    reason: string,
  ): Promise<never> => {
    await job.updateData({ ...data, dead_reason: reason, next_try_at: null });
    throw new PermanentJobError(reason);
  };

  return backend.worker<DeliveryJob>(
    queueNames.deliveries(asProductId(deps.product_id)),
    { deliver },
    {
      concurrency: deps.concurrency ?? DEFAULT_CONCURRENCY,
      lock_duration_ms: deps.lock_duration_ms ?? 30_000,
      stalled_interval_ms: Math.min(deps.lock_duration_ms ?? 30_000, 15_000),
      keep_completed: 'none',
      keep_failed_s: DEAD_LETTERS_KEPT_S,
    },
  );
}
