import { type DeliveryJournal, QueueUnavailableError, silentQueueLogger } from '@cortex-mqtt/queues';
import { waitFor } from '@cortex-mqtt/testing';
import { type ActionOutcome, SUCCEEDED } from '../pipeline/compiled-plan';
import {
  buildAction,
  buildMessage,
  buildPipeline,
  buildPlan,
  buildSubscription,
  unaccounted,
} from '../pipeline/pipeline.testing';
import { createHandover, type HandoverLimits } from './handover';
import { ParkingLot } from './parking-lot';

/** A call to the journal that is answered when, how often and in what order the test says. */
interface Call {
  kind: 'write' | 'reschedule' | 'remove' | 'renew';
  job_ids: string[];
  succeed(): void;
  fail(error?: Error): void;
}

const LATE = new QueueUnavailableError('no answer', 'unknown');

function buildSlowJournal(): { journal: DeliveryJournal; calls: Call[] } {
  const calls: Call[] = [];
  const call = <T>(kind: Call['kind'], job_ids: string[], value: T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      calls.push({ kind, job_ids, succeed: () => resolve(value), fail: (error = LATE) => reject(error) });
    });
  return {
    calls,
    journal: {
      write: (entries) =>
        call(
          'write',
          entries.map(({ job_id }) => job_id),
          undefined,
        ),
      reschedule: (entry) => call('reschedule', [entry.job_id], true),
      remove: async () => [],
      renew: async () => [],
      depth: async () => 0,
      isPaused: async () => false,
      oldestAddedAt: async () => null,
    },
  };
}

function build(options: {
  run: () => ReturnType<Parameters<typeof buildAction>[0] & object>;
  pause_ms?: number;
  limits?: Partial<HandoverLimits>;
}) {
  const { journal, calls } = buildSlowJournal();
  const pipeline = buildPipeline({
    plan: buildPlan([buildSubscription({ actions: [buildAction(options.run)] })], { handover_after_ms: 1 }),
    limits: { quick_runs: 1 },
    // All pauses end while the queue has not answered yet.
    nextDelay: () => options.pause_ms ?? 30,
  });
  const handover = createHandover({
    journal,
    engine: pipeline.engine,
    product_id: 1,
    handover_after_ms: () => 1,
    boot_id: 'b',
    deliveryId: (delivery) => delivery.message_id,
    parking: new ParkingLot(),
    recall: { looked: () => undefined, parked: () => undefined },
    logger: silentQueueLogger,
    limits: { lease_ms: 60_000, ...options.limits },
  });
  pipeline.useOverflow(handover);
  return { pipeline, handover, calls };
}

it('counts deliveries once whose rewrites fail while others of theirs are still under way', async () => {
  const running: ((outcome: ActionOutcome) => void)[] = [];
  const endRuns = (outcome: ActionOutcome): void => {
    for (const end of running.splice(0)) end(outcome);
  };
  const { pipeline, handover, calls } = build({
    run: () => new Promise((resolve) => running.push(resolve)),
    pause_ms: 400,
  });
  const messages = Array.from({ length: 30 }, () => buildMessage());
  for (const message of messages) pipeline.accept(message);
  const reschedules = (): Call[] => calls.filter(({ kind }) => kind === 'reschedule');
  await waitFor(() => calls.length === 1);
  calls[0]?.succeed();
  await waitFor(() => handover.held() === 30);
  endRuns({ kind: 'failed', permanent: false, error: 'no' });
  // All are to be left to the queue: one rewrite each, none of which is answered before their pauses are over.
  await waitFor(() => reschedules().length === 30);
  const paused_until_ms = Date.now() + 450;
  await waitFor(() => Date.now() > paused_until_ms);
  const [first, ...others] = reschedules();
  first?.fail();
  const next_ms = Date.now() + 300;
  await waitFor(() => Date.now() > next_ms);
  for (const call of others) call.fail();
  await waitFor(() => reschedules().length > 30 || running.length === 30);
  // Whatever is asked now is answered late, the first with a fault; what runs ends after that.
  reschedules()[30]?.fail();
  const begun_ms = Date.now() + 300;
  await waitFor(() => Date.now() > begun_ms);
  for (const call of reschedules()) call.succeed();
  let lowest = 0;
  await waitFor(() => {
    endRuns(SUCCEEDED);
    for (const call of calls) call.succeed();
    lowest = Math.min(lowest, pipeline.engine.in_flight);
    return pipeline.engine.in_flight <= 0;
  });
  handover.abandon();
  expect([lowest, pipeline.engine.in_flight]).toEqual([0, 0]);
  expect(messages.every((message) => message.isSettled)).toBe(true);
  expect(unaccounted(pipeline)).toBe(0);
  const { deliveries_queued, deliveries_succeeded } = pipeline.counters;
  expect(deliveries_queued + deliveries_succeeded).toBe(30);
});

it('never has fewer than none in flight, whatever the journal answers in whatever order', async () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  let lowest = 0;
  const { pipeline, handover, calls } = build({
    run: async () => {
      await new Promise((resolve) => setTimeout(resolve, random() * 8));
      const roll = random();
      if (roll < 0.4) return { kind: 'failed', permanent: false, error: 'no' };
      if (roll < 0.5) return { kind: 'failed', permanent: true, error: 'never' };
      return SUCCEEDED;
    },
    limits: { batch: 60, max_held: 100 },
  });
  const messages = Array.from({ length: 200 }, () => buildMessage());
  for (const message of messages) pipeline.accept(message);
  const answering = setInterval(() => {
    lowest = Math.min(lowest, pipeline.engine.in_flight);
    // Any of those that are open, several times, or another one first.
    for (let count = 0; count < 3 && calls.length > 0; count += 1) {
      const index = Math.floor(random() * calls.length);
      const [call] = calls.splice(index, 1);
      if (random() < 0.3) call?.fail();
      call?.succeed();
      call?.succeed();
    }
  }, 2);
  await waitFor(() => pipeline.engine.in_flight === 0, { timeout_ms: 20_000 });
  clearInterval(answering);
  handover.abandon();
  expect(lowest).toBe(0);
  expect(messages.every((message) => message.isSettled)).toBe(true);
  expect(unaccounted(pipeline)).toBe(0);
});
