import { setTimeout as sleep } from 'node:timers/promises';
import { asProductId, type DeliveryJob, type DeliveryJobData, queueNames } from '@cortex-mqtt/contracts';
import {
  DEAD_LETTERS_KEPT_S,
  type DeadLetterBound,
  deliveriesQueue,
  describeError,
  isContentRefused,
  makeDue,
  payloadSize,
  PermanentJobError,
  type QueueBackend,
  type QueueLogger,
  type RunningJob,
  storedSize,
  type TypedWorker,
  writeTolerantly,
} from '@cortex-mqtt/queues';
import type { CompiledSubscription } from '../pipeline/compiled-plan';
import type { Delivery, QueuedFate } from '../pipeline/delivery';
import type { MessagePipeline } from '../pipeline/message-pipeline';
import { restoreProgress, toMessage } from './delivery-data';
import type { Handover } from './handover';
import type { OrderGuard } from './order-guard';
import type { Recall } from './recall';
import { WaitingLines } from './waiting-lines';
import { WaitingRoom } from './waiting-room';

/** Deliveries from the queue that one listener runs at once. */
const DEFAULT_CONCURRENCY = 50;
/** Characters of the jobs that it holds at once. */
const MAX_DATA_LENGTH = 32 * 1024 * 1024;
/** Pause of a delivery for which others of its key come first, milliseconds; it is called when it is its turn. */
const LANE_PAUSE_MS = 2_000;
/** Milliseconds in which deliveries of a key are awaited that became due at the same time. */
const GATHER_MS = 200;
const MAX_CALLED = 10_000;
/** Pause of what would become a dead letter while those are at their bound, milliseconds. */
const HOLD_PAUSE_MS = 60_000;
/** Pause of a job whose delivery is still attempted here, milliseconds; the next renewal gives it a whole lease again. */
const ATTEMPTED_PAUSE_MS = 5_000;

/**
 * Works the product's deliveries queue: those whose pause is over, and those of a listener that died and whose lease has
 * run out. The current configuration is applied by id.
 */
export function startRetryWorker(deps: {
  backend: QueueBackend;
  product_id: number;
  pipeline: MessagePipeline;
  recall: Pick<Recall, 'start' | 'stop' | 'parked'>;
  /** Hears of ordered deliveries that have come to their end. */
  deadLetters?: Pick<DeadLetterBound, 'isHolding' | 'note'>;
  orderGuard?: Pick<OrderGuard, 'ended'>;
  concurrency?: number;
  /** Milliseconds until the work of a listener that died in the middle of a retry is taken over. */
  lock_duration_ms?: number;
  /** What this listener itself has to do with a job that its worker got. */
  claimOn: Handover['claimOn'];
  logger: QueueLogger;
}): TypedWorker {
  const { backend, pipeline, logger, concurrency = DEFAULT_CONCURRENCY } = deps;
  const name = queueNames.deliveries(asProductId(deps.product_id));
  const queue = deliveriesQueue(backend, asProductId(deps.product_id));
  deps.recall.start();
  const lines = new WaitingLines();
  /** Jobs that were called since it is their turn. */
  const called = new Set<string>();
  /** Half of the worker at most waits for subscriptions that have no place free. */
  const room = new WaitingRoom({ count: concurrency / 2, length: MAX_DATA_LENGTH / 2 });

  const deliver = async (job: RunningJob<'deliver', DeliveryJobData>): Promise<void> => {
    const { data } = job;
    const claim = deps.claimOn(job.id);
    if (claim === 'over') return;
    if (claim === 'attempting') throw await job.postpone(ATTEMPTED_PAUSE_MS);
    if (data.dead_reason !== null) {
      if (deps.deadLetters?.isHolding) throw await job.postpone(HOLD_PAUSE_MS);
      throw new PermanentJobError(data.dead_reason);
    }
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
      if (lane !== null && !called.delete(job.id)) await gather(lane, job);
      const wait_ms = lane === null ? 0 : waitFor(lane, job);
      if (wait_ms > 0) throw await job.postpone(wait_ms);
      // An ordered one has its turn, which it would lose by going back.
      const { fate, delivery } = await (lane === null ? runInPlace(job, subscription) : run(job, subscription));
      if (lane !== null) advance(lane, job, fate);
      await apply(job, fate, delivery);
      if (fate.kind === 'done') noteEnd(job);
    }
  };

  const noteEnd = ({ id, data }: RunningJob<'deliver', DeliveryJobData>): void => {
    if (data.ordering !== null) deps.orderGuard?.ended(data.subscription_id, data.ordering.key, id);
  };

  /** Those that become due together may come in another order than theirs: a moment to see who is there. */
  const gather = async (lane: string, { id, data }: RunningJob<'deliver', DeliveryJobData>): Promise<void> => {
    const sequence = data.ordering?.sequence ?? 0;
    lines.join(lane, { job_id: id, sequence, due_ms: Date.now() + GATHER_MS, isFailing: false });
    await sleep(GATHER_MS);
  };

  /** Milliseconds for which others of the same key come first; 0 = it is its turn. */
  const waitFor = (lane: string, { id, data }: RunningJob<'deliver', DeliveryJobData>): number => {
    const { ordering, subscription_id } = data;
    if (ordering === null) return 0;
    const isBusy = pipeline.runtime(subscription_id).lanes.get(ordering.key)?.head != null;
    const before_ms = lines.waitBefore(lane, ordering.sequence);
    if (!isBusy && before_ms === 0) {
      lines.leave(lane, id);
      return 0;
    }
    const wait_ms = Math.max(isBusy ? LANE_PAUSE_MS : 0, before_ms);
    lines.join(lane, { job_id: id, sequence: ordering.sequence, due_ms: Date.now() + wait_ms, isFailing: false });
    return wait_ms;
  };

  /** One of that key was run here: it waits for its next try and the others for it, or the next one is called. */
  const advance = (lane: string, { id, data }: RunningJob<'deliver', DeliveryJobData>, fate: QueuedFate): void => {
    if (fate.kind === 'again') {
      const sequence = data.ordering?.sequence ?? 0;
      lines.join(lane, { job_id: id, sequence, due_ms: Date.now() + fate.delay_ms, isFailing: true });
      return;
    }
    const next = lines.first(lane);
    if (next === null || next.isFailing) return;
    // Those that another listener took never come here.
    if (called.size >= MAX_CALLED) called.clear();
    called.add(next.job_id);
    makeDue(queue, next.job_id).catch((error: Error) =>
      // It comes by itself when its pause is over.
      logger.debug('the next delivery of an ordering key was not released', {
        job_id: next.job_id,
        error: error.message,
      }),
    );
  };

  /** Runs it when there is a place for it, or soon; else it goes back. */
  const runInPlace = async (
    job: RunningJob<'deliver', DeliveryJobData>,
    subscription: CompiledSubscription,
  ): ReturnType<typeof run> => {
    const { message } = job.data;
    if (pipeline.hasPlaceFor(subscription, payloadSize(message))) return run(job, subscription);
    const crowded = { subscription_id: subscription.id, length: storedSize(message) };
    if (!room.enter(crowded)) throw await job.postpone(room.pauseOf(crowded));
    try {
      return await run(job, subscription);
    } finally {
      room.leave(crowded);
    }
  };

  const run = (
    job: RunningJob<'deliver', DeliveryJobData>,
    subscription: CompiledSubscription,
  ): Promise<{ fate: QueuedFate; delivery: Delivery }> =>
    new Promise((resolve) => {
      const { data } = job;
      pipeline.runQueued({
        subscription,
        message: toMessage(data),
        message_id: data.message.message_id,
        record_id: data.message.record_id ?? null,
        trace: data.trace ?? null,
        isRevived: data.revived_at_ms !== null,
        // Later runs of it are decided.
        isToBeAsked: data.replay != null && data.revived_at_ms !== null,
        hasNewIds: data.replay?.ids === 'new',
        restore: (delivery) => {
          restoreProgress(delivery, data);
          delivery.job_id = job.id;
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
      deferral: delivery.deferral,
      revived_at_ms: null,
      trace: delivery.trace?.traceparent ?? job.data.trace ?? null,
    };
    if (fate.kind === 'dead') {
      await bury(job, data, fate.reason);
      return;
    }
    await store(job, { ...data, next_try_at: new Date(Date.now() + fate.delay_ms).toISOString() });
    const postponed = await job.postpone(fate.delay_ms);
    if (delivery.deferral !== null) deps.recall.parked(delivery.deferral);
    throw postponed;
  };

  const bury = async (
    job: RunningJob<'deliver', DeliveryJobData>,
    data: DeliveryJobData,
    reason: string,
  ): Promise<never> => {
    await store(job, { ...data, dead_reason: reason, next_try_at: null });
    noteEnd(job);
    // It waits as what it is: the worker that takes it up then only has to bury it.
    if (deps.deadLetters?.isHolding) throw await job.postpone(HOLD_PAUSE_MS);
    deps.deadLetters?.note(storedSize(data.message));
    throw new PermanentJobError(reason);
  };

  /** What the queue refuses even without its history would come back for ever: it becomes a dead letter as it is stored. */
  const store = async (job: RunningJob<'deliver', DeliveryJobData>, data: DeliveryJobData): Promise<void> => {
    const { subscription_id } = data;
    try {
      await writeTolerantly(
        data,
        (written) => job.updateData(written),
        (error) =>
          logger.warn('a retried delivery was stored without its history, because the queue refused it with it', {
            job_id: job.id,
            subscription_id,
            error: describeError(error),
          }),
      );
    } catch (error) {
      if (!isContentRefused(error)) throw error;
      throw new PermanentJobError(`its outcome could not be stored: ${describeError(error)}`);
    }
  };

  const worker = backend.worker<DeliveryJob>(
    name,
    { deliver },
    {
      concurrency,
      max_data_length: MAX_DATA_LENGTH,
      lock_duration_ms: deps.lock_duration_ms ?? 30_000,
      stalled_interval_ms: Math.min(deps.lock_duration_ms ?? 30_000, 15_000),
      keep_completed: 'none',
      keep_failed_s: DEAD_LETTERS_KEPT_S,
    },
  );
  return {
    ready: () => worker.ready(),
    close: async (grace_ms) => {
      deps.recall.stop();
      await worker.close(grace_ms);
    },
  };
}
