import type {
  DeliveryAttempt,
  DeliveryDeferral,
  DeliveryJobData,
  ProductId,
  QueuedMessage,
} from '@cortex-mqtt/contracts';
import type { Job, JobType } from 'bullmq';
import type { QueueBackend } from '../queue-backend';
import { describeError, isUnavailable } from '../queue-errors';
import { deliveriesQueue, inParallel, isTaken, makeDue } from './delivery-journal';
import { payloadOf, payloadSize, storePayload } from './stored-payload';

/** Jobs looked through at most for one filtered list. */
const SCAN_LIMIT = 50_000;
const SCAN_CHUNK = 200;

/** Where a delivery in the queue is. `waiting`: leased, in a pause or about to be taken. */
export type DeliveryState = 'waiting' | 'active' | 'dead';

export interface DeliverySummary {
  /** Id of the job; the id of these operations. */
  id: string;
  /** Idempotency id of (message, subscription). */
  delivery_id: string;
  product_id: number;
  subscription_id: number;
  state: DeliveryState;
  topic: string;
  message_id: string;
  received_at: string;
  queued_at: string;
  /** Of a dead letter: when it died. */
  died_at: string | null;
  /** Of a waiting one: when it is due; null while a listener is attempting it under a lease. */
  next_try_at: string | null;
  /** Why it died, else the latest error. */
  error: string | null;
  attempts_made: number;
  payload_bytes: number;
  /** Of one that was not attempted: the destination that it waits for, and why. */
  deferral: { destination: string | null; reason: string } | null;
}

export interface DeliveryDetail extends DeliverySummary {
  payload_base64: string;
  qos: 0 | 1 | 2;
  retain: boolean;
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  succeeded_actions: string[];
  failed_actions: { action_id: string; error: string }[];
  attempts: DeliveryAttempt[];
}

export interface DeliveryFilter {
  subscription_id?: number;
  /** Part of the error, upper and lower case alike. */
  error?: string;
  /** Times of death (of waiting ones: of being queued), both inclusive. */
  from?: Date;
  to?: Date;
}

export interface DeliveryPage {
  items: DeliverySummary[];
  /** All that match, as far as they were looked through. */
  total: number;
  /** False: there are more jobs than were looked through; `total` is a lower bound. */
  complete: boolean;
  page: number;
  page_size: number;
}

export interface BulkProgress {
  matched: number;
  done: number;
  /** Those with which it was not done; `failures` says why. */
  skipped: number;
  failures: BulkFailure[];
}

/** Why something was not done, with how many it was so, and some of them. */
export interface BulkFailure {
  reason: string;
  count: number;
  delivery_ids: string[];
}

/** Reasons that are told apart, and deliveries named for each. */
const MAX_REASONS = 10;
const MAX_NAMED = 10;
const NOT_DEAD = 'it was no dead letter any more: retried or deleted meanwhile';
const IN_USE = 'it was just being worked on, or has gone meanwhile';

export interface BulkOptions {
  onProgress?: (progress: BulkProgress) => void;
  signal?: AbortSignal;
}

/**
 * Reads and changes a product's deliveries in the queue, from outside the listener. All operations throw
 * QueueUnavailableError while the queue is away.
 */
export interface DeliveryStore {
  counts(): Promise<{ waiting: number; active: number; dead: number }>;
  /** Newest first; `page` counts from 1. */
  listDeadLetters(query: DeliveryFilter & { page?: number; page_size?: number }): Promise<DeliveryPage>;
  /** Those due first come first. */
  listWaiting(query: DeliveryFilter & { page?: number; page_size?: number }): Promise<DeliveryPage>;
  /** Those that wait in a pause before their next attempt. */
  listRetrying(query: DeliveryFilter & { page?: number; page_size?: number }): Promise<DeliveryPage>;
  /** Those that a listener is attempting, in a worker or under a lease, and those about to be taken. */
  listInFlight(query: DeliveryFilter & { page?: number; page_size?: number }): Promise<DeliveryPage>;
  getDelivery(id: string): Promise<DeliveryDetail | null>;
  /** Tries a dead letter again, or one that waits at once; false when it is gone or just being worked. */
  retry(id: string): Promise<boolean>;
  /** Replaces the payload of a dead letter and tries it again; only its actions that have not succeeded run. */
  retryEdited(id: string, payload: Buffer): Promise<boolean>;
  retryMatching(filter: DeliveryFilter, options?: BulkOptions): Promise<BulkProgress>;
  /** Deletes dead letters. */
  purge(filter: DeliveryFilter, options?: BulkOptions): Promise<BulkProgress>;
  /** Deletes one delivery; false when it is gone or just being worked. */
  remove(id: string): Promise<boolean>;
}

export function createDeliveryStore(deps: { backend: QueueBackend; product_id: ProductId }): DeliveryStore {
  const queue = deliveriesQueue(deps.backend, deps.product_id);

  const chunk = (types: JobType[], start: number, ascending: boolean): Promise<(Job<DeliveryJobData> | undefined)[]> =>
    queue.run('list', (bull) => bull.getJobs(types, start, start + SCAN_CHUNK - 1, ascending));

  async function* scan(
    types: JobType[],
    state: DeliveryState,
    filter: DeliveryFilter,
  ): AsyncGenerator<DeliverySummary> {
    for (let start = 0; start < SCAN_LIMIT; start += SCAN_CHUNK) {
      const jobs = await chunk(types, start, state !== 'dead');
      for (const job of jobs) {
        if (!job?.data) continue;
        const summary = summarise(job, state);
        if (matches(summary, filter)) yield summary;
      }
      if (jobs.length < SCAN_CHUNK) return;
    }
  }

  const list = async (
    types: JobType[],
    state: DeliveryState,
    query: DeliveryFilter & { page?: number; page_size?: number },
  ): Promise<DeliveryPage> => {
    const page = query.page ?? 1;
    const page_size = query.page_size ?? 50;
    const from = (page - 1) * page_size;
    const counts = await queue.counts();
    const all = types.reduce((sum, type) => sum + (counts[type === 'wait' ? 'waiting' : type] ?? 0), 0);
    if (isUnfiltered(query) && types.length === 1) {
      const jobs = await queue.run('list', (bull) => bull.getJobs(types, from, from + page_size - 1, state !== 'dead'));
      const items = jobs.filter((job) => job?.data).map((job) => summarise(job, state));
      return { items, total: all, complete: true, page, page_size };
    }
    const items: DeliverySummary[] = [];
    let total = 0;
    for await (const summary of scan(types, state, query)) {
      if (total >= from && items.length < page_size) items.push(summary);
      total += 1;
    }
    return { items, total, complete: all <= SCAN_LIMIT, page, page_size };
  };

  /** A page of what several scans give one after the other. */
  const collect = async (
    sources: AsyncGenerator<DeliverySummary>[],
    isWanted: (summary: DeliverySummary) => boolean,
    { page = 1, page_size = 50 }: { page?: number; page_size?: number },
  ): Promise<DeliveryPage> => {
    const counts = await queue.counts();
    const looked_through = (counts.waiting ?? 0) + (counts.delayed ?? 0) + (counts.active ?? 0);
    const from = (page - 1) * page_size;
    const items: DeliverySummary[] = [];
    let total = 0;
    for (const source of sources) {
      for await (const summary of source) {
        if (!isWanted(summary)) continue;
        if (total >= from && items.length < page_size) items.push(summary);
        total += 1;
      }
    }
    return { items, total, complete: looked_through <= SCAN_LIMIT, page, page_size };
  };

  const get = (id: string): Promise<Job<DeliveryJobData> | undefined> => queue.run('get', (bull) => bull.getJob(id));

  const revive = async (id: string, change: (data: DeliveryJobData) => DeliveryJobData): Promise<boolean> => {
    const job = await get(id);
    if (!job?.data) return false;
    try {
      return await queue.run('retry', async () => {
        const state = await job.getState();
        if (state === 'delayed') return makeDue(queue, id);
        if (state !== 'failed') return false;
        await job.updateData(change(revivedData(job.data)));
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
        return true;
      });
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  };

  /** Still the dead letter that was meant: not retried since, nor dead once more. */
  const isDead = (id: string, filter: DeliveryFilter): Promise<boolean> =>
    queue.run('state', async (bull) => {
      const job = await bull.getJob(id);
      if (!job || !(await job.isFailed())) return false;
      return filter.to === undefined || (job.finishedOn ?? 0) <= filter.to.getTime();
    });

  const forAll = async (
    filter: DeliveryFilter,
    options: BulkOptions,
    work: (id: string) => Promise<true | string>,
  ): Promise<BulkProgress> => {
    // The ids first: the set changes while it is worked on.
    const ids: string[] = [];
    for await (const summary of scan(['failed'], 'dead', filter)) ids.push(summary.id);
    const progress: BulkProgress = { matched: ids.length, done: 0, skipped: 0, failures: [] };
    options.onProgress?.({ ...progress });
    for (let start = 0; start < ids.length && !options.signal?.aborted; start += SCAN_CHUNK) {
      await inParallel(
        ids.slice(start, start + SCAN_CHUNK),
        async (id) => {
          const outcome = await work(id).catch((error: unknown) => {
            // A queue that is away is no fault of this one: the whole comes to a stop and is taken up again.
            if (isUnavailable(error)) throw error;
            return describeError(error);
          });
          if (outcome === true) progress.done += 1;
          else addFailure(progress, id, outcome);
        },
        16,
      );
      options.onProgress?.({ ...progress });
    }
    return progress;
  };

  return {
    async counts() {
      const counts = await queue.counts();
      return {
        waiting: (counts.waiting ?? 0) + (counts.delayed ?? 0) + (counts.prioritized ?? 0),
        active: counts.active ?? 0,
        dead: counts.failed ?? 0,
      };
    },
    listDeadLetters: (query) => list(['failed'], 'dead', query),
    listWaiting: (query) => list(['wait', 'delayed'], 'waiting', query),
    listRetrying: (query) =>
      collect(
        [scan(['wait'], 'waiting', query), scan(['delayed'], 'waiting', query)],
        (summary) => summary.next_try_at !== null,
        query,
      ),
    listInFlight: (query) =>
      collect(
        [scan(['active'], 'active', query), scan(['wait'], 'waiting', query), scan(['delayed'], 'waiting', query)],
        (summary) => summary.state === 'active' || summary.next_try_at === null,
        query,
      ),

    async getDelivery(id) {
      const job = await get(id);
      if (!job?.data) return null;
      const state = await queue.run('state', () => job.getState());
      return detail(job, state === 'failed' ? 'dead' : state === 'active' ? 'active' : 'waiting');
    },

    retry: (id) => revive(id, (data) => data),
    retryEdited: (id, payload) => revive(id, (data) => ({ ...data, message: withPayload(data.message, payload) })),
    retryMatching: (filter, options = {}) =>
      forAll(filter, options, async (id) => {
        if (!(await isDead(id, filter))) return NOT_DEAD;
        return (await revive(id, (data) => data)) || IN_USE;
      }),
    purge: (filter, options = {}) =>
      forAll(filter, options, async (id) => {
        if (!(await isDead(id, filter))) return NOT_DEAD;
        return (await queue.remove(id)) || IN_USE;
      }),
    remove: (id) => queue.remove(id),
  };
}

function addFailure(progress: BulkProgress, id: string, reason: string): void {
  progress.skipped += 1;
  const known = progress.failures.find((failure) => failure.reason === reason);
  if (known) {
    known.count += 1;
    if (known.delivery_ids.length < MAX_NAMED) known.delivery_ids.push(id);
  } else if (progress.failures.length < MAX_REASONS) {
    progress.failures.push({ reason, count: 1, delivery_ids: [id] });
  }
}

/** A dead letter as it is retried: its history stays, its faults and counts do not. */
function revivedData(data: DeliveryJobData): DeliveryJobData {
  return {
    ...data,
    dead_reason: null,
    failed_actions: [],
    attempts_made: {},
    next_try_at: null,
    revived_at_ms: Date.now(),
  };
}

function summarise(job: Job<DeliveryJobData>, state: DeliveryState): DeliverySummary {
  const { data } = job;
  const latest = data.attempts.findLast((attempt) => attempt.error !== null);
  return {
    id: job.id ?? '',
    delivery_id: data.delivery_id,
    product_id: data.product_id,
    subscription_id: data.subscription_id,
    state,
    topic: data.message.topic,
    message_id: data.message.message_id,
    received_at: data.message.received_at,
    queued_at: new Date(job.timestamp).toISOString(),
    died_at: state === 'dead' && job.finishedOn ? new Date(job.finishedOn).toISOString() : null,
    next_try_at: state === 'waiting' ? data.next_try_at : null,
    error: state === 'dead' ? (job.failedReason ?? data.dead_reason) : (latest?.error ?? null),
    attempts_made: Object.values(data.attempts_made).reduce((sum, made) => sum + made, 0),
    payload_bytes: payloadSize(data.message),
    deferral: state === 'waiting' && data.deferral ? deferralOf(data.deferral) : null,
  };
}

const deferralOf = ({ destination, reason }: DeliveryDeferral): DeliverySummary['deferral'] => ({
  destination,
  reason,
});

function detail(job: Job<DeliveryJobData>, state: DeliveryState): DeliveryDetail {
  const { data } = job;
  const { qos, retain, user_properties, content_type } = data.message;
  return {
    ...summarise(job, state),
    payload_base64: payloadOf(data.message).toString('base64'),
    qos,
    retain,
    user_properties,
    content_type,
    succeeded_actions: data.succeeded_actions,
    failed_actions: data.failed_actions,
    attempts: data.attempts,
  };
}

function withPayload(message: QueuedMessage, payload: Buffer): QueuedMessage {
  const { payload_text, payload_swaps, payload_deflated, payload_bytes, payload_base64, ...rest } = message;
  return { ...rest, ...storePayload(payload) };
}

const isUnfiltered = (filter: DeliveryFilter): boolean =>
  filter.subscription_id === undefined && !filter.error && !filter.from && !filter.to;

function matches(summary: DeliverySummary, filter: DeliveryFilter): boolean {
  if (filter.subscription_id !== undefined && summary.subscription_id !== filter.subscription_id) return false;
  if (filter.error && !(summary.error ?? '').toLowerCase().includes(filter.error.toLowerCase())) return false;
  const at = Date.parse(summary.died_at ?? summary.queued_at);
  if (filter.from && at < filter.from.getTime()) return false;
  if (filter.to && at > filter.to.getTime()) return false;
  return true;
}
