import { setTimeout as sleep } from 'node:timers/promises';
import { waitAtMost } from '@cortex-mqtt/contracts';
import {
  type DeliveryJournal,
  isContentRefused,
  isUnavailable,
  type JournalEntry,
  type QueueLogger,
} from '@cortex-mqtt/queues';
import type { Delivery } from '../pipeline/delivery';
import type { Overflow, OverflowEvents } from '../pipeline/overflow';
import { toJobData } from './delivery-data';

export interface HandoverLimits {
  /** Milliseconds a delivery belongs to this process without a sign of life. */
  lease_ms: number;
  /** Deliveries of one write, and bytes of their payloads from which on it takes no more. */
  batch: number;
  batch_bytes: number;
  /** Acknowledged deliveries that stay in memory here, and their bytes; beyond it those that wait are left to others. */
  max_held: number;
  max_held_bytes: number;
  /** Deliveries in the product's queue from which on nothing is handed over any more. */
  max_queued: number;
}

export const DEFAULT_HANDOVER_LIMITS: HandoverLimits = {
  lease_ms: 15_000,
  batch: 500,
  batch_bytes: 4 * 1024 * 1024,
  max_held: 5_000,
  max_held_bytes: 64 * 1024 * 1024,
  max_queued: 500_000,
};

/** Deliveries in a row that had to be handed over until those that follow are not waited for. */
const SLOW_AFTER = 10;

/** Job ids of deliveries that are over while another worker has them; older ones are forgotten. */
const MAX_TAKEN_IDS = 10_000;

const DEPTH_EVERY_MS = 1_000;
const AT_BOUND_MS = 50;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;
/** How long a stop waits for what is being written and taken away. */
const LAST_WRITE_LIMIT_MS = 2_000;

export type JobClaim = 'attempting' | 'over' | 'free';

export interface Handover extends Overflow {
  /** Deliveries that are in the queue under a lease of this process. */
  held(): number;
  /**
   * What a worker that has got a job should know, as when its lease ran out while the queue was away. `attempting`: this
   * process is still at its delivery; `over`: the job is one to be taken away; `free`: it is not ours.
   */
  claimOn(job_id: string): JobClaim;
  /** Milliseconds since the receipt of the oldest message that the broker still holds for a delivery here. */
  oldestUnreleased(now_ms: number): number | null;
  /** Deliveries in the queue when it was last asked; null = not known. */
  depth(): number | null;
  isQueueAvailable(): boolean;
  /** Offers everything that has not ended, without waiting for its time. */
  handOverAll(): void;
  /** Takes away what has ended, then writes no more; leases that are left run out by themselves. */
  stop(): Promise<void>;
  /** Stops at once and leaves everything as it is. */
  abandon(): void;
}

/**
 * Writes deliveries that take long into the product's queue, in batches, so that the broker can forget their messages:
 * leased while they are still attempted here, delayed by their pause once they are left to the queue. One write is
 * under way at a time; while the queue is away nothing changes and the broker goes on holding.
 */
export function createHandover(deps: {
  journal: DeliveryJournal;
  engine: OverflowEvents;
  product_id: number;
  /** Milliseconds from the receipt after which a delivery is handed over. */
  handover_after_ms: () => number;
  /** Unique in the product: prefix of the job ids of this process. */
  boot_id: string;
  deliveryId: (delivery: Delivery) => string;
  logger: QueueLogger;
  limits?: Partial<HandoverLimits>;
}): Handover {
  const { journal, engine, logger, boot_id, product_id } = deps;
  const limits: HandoverLimits = { ...DEFAULT_HANDOVER_LIMITS, ...deps.limits };
  const watched = new WatchList();
  /** Waiting to be written, in order. */
  const offers = new Set<Delivery>();
  /** In the queue under a lease, by job id. */
  const held = new Map<string, Delivery>();
  /** Job ids to be taken away: of deliveries that have ended, and of writes of which nothing is known. */
  const ended = new Set<string>();
  /** Those that could not be taken away since a worker had them just then, maybe ours. */
  const taken_ids = new Set<string>();
  /** Deliveries of the next write: fewer after one that failed for a reason that nobody knows. */
  let batch_limit = limits.batch;
  let heldBytes = 0;
  let jobNumber = 0;
  let depth: number | null = null;
  let depthAt_ms = 0;
  let available = true;
  let isStopped = false;
  let isDraining = false;
  let overdueTimer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> | null = null;
  const stopping = new AbortController();

  const armOverdue = (): void => {
    if (overdueTimer !== null || watched.head === null || isStopped) return;
    const due_ms = watched.head.message.received_at_ms + deps.handover_after_ms() - Date.now();
    overdueTimer = setTimeout(collectOverdue, Math.max(due_ms, 1));
  };

  const collectOverdue = (): void => {
    overdueTimer = null;
    const before_ms = Date.now() - deps.handover_after_ms();
    for (let first = watched.head; first !== null && first.message.received_at_ms <= before_ms; first = watched.head) {
      watched.remove(first);
      offers.add(first);
    }
    armOverdue();
    flush();
  };

  const flush = (): void => {
    if (flushing || isStopped || (offers.size === 0 && ended.size === 0)) return;
    flushing = flushLoop().finally(() => {
      flushing = null;
      // What came while the last write ended.
      if (offers.size > 0 || ended.size > 0) flush();
    });
  };

  const flushLoop = async (): Promise<void> => {
    // One turn of the event loop, so that what becomes due together is written together.
    await new Promise((resolve) => setImmediate(resolve));
    let pause_ms = RETRY_MIN_MS;
    while (!isStopped && (offers.size > 0 || ended.size > 0)) {
      try {
        await removeEnded();
        await refreshDepth();
        const batch = takeBatch();
        if (batch.length === 0) {
          if (offers.size === 0) return;
          // The queue or the memory is at its bound: the broker holds the rest.
          await sleep(AT_BOUND_MS, undefined, { signal: stopping.signal });
          continue;
        }
        await writeBatch(batch);
        pause_ms = RETRY_MIN_MS;
        batch_limit = Math.min(batch_limit * 2, limits.batch);
        setAvailable(true);
      } catch (error) {
        if (stopping.signal.aborted) return;
        setAvailable(false, error);
        // If it is about one delivery after all, the others get by.
        if (!isUnavailable(error)) batch_limit = Math.max(1, Math.floor(batch_limit / 2));
        await sleep(pause_ms, undefined, { signal: stopping.signal }).catch(() => undefined);
        pause_ms = Math.min(pause_ms * 2, RETRY_MAX_MS);
      }
    }
  };

  const setAvailable = (now: boolean, error?: unknown): void => {
    if (available === now) return;
    available = now;
    if (now) logger.info('deliveries are handed over again', { product_id });
    else {
      logger.warn('the queue is away, the broker holds what is not delivered', {
        product_id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  };

  const refreshDepth = async (): Promise<void> => {
    if (offers.size === 0 || Date.now() - depthAt_ms < DEPTH_EVERY_MS) return;
    depth = await journal.depth();
    depthAt_ms = Date.now();
  };

  const removeEnded = async (): Promise<void> => {
    while (ended.size > 0) {
      const ids = [...ended].slice(0, limits.batch);
      const taken = await journal.remove(ids);
      for (const id of ids) ended.delete(id);
      for (const id of taken) taken_ids.add(id);
      for (const id of taken_ids) {
        if (taken_ids.size <= MAX_TAKEN_IDS) break;
        taken_ids.delete(id);
      }
      if (depth !== null) depth = Math.max(0, depth - ids.length);
    }
  };

  /** What becomes of a delivery that is written: nothing (yet), a lease, left to the queue, or a dead letter. */
  const fateOf = (
    delivery: Delivery,
    taken: { leases: number; bytes: number; writes: number },
  ): 'skip' | 'lease' | 'leave' | 'bury' => {
    const { phase } = delivery;
    if (delivery.isOver || delivery.isUnwritable) return 'skip';
    if (phase === 'dying') return 'bury';
    if (delivery.journal === 'none' && depth !== null && depth + taken.writes >= limits.max_queued) return 'skip';
    if (isDraining && phase !== 'running') return 'leave';
    const isOrdered = delivery.ordering_key !== null;
    if (phase === 'paused' && !isOrdered && delivery.isOffered) return 'leave';
    if (delivery.journal === 'leased') return 'skip';
    const isFull = held.size + taken.leases >= limits.max_held || heldBytes + taken.bytes >= limits.max_held_bytes;
    if (!isFull || phase === 'running') return 'lease';
    // Beyond the bound: what only waits is left to whoever has room. An ordered one would lose its place by that.
    return isOrdered ? 'skip' : 'leave';
  };

  const takeBatch = (): { delivery: Delivery; fate: 'lease' | 'leave' | 'bury' }[] => {
    const batch: { delivery: Delivery; fate: 'lease' | 'leave' | 'bury' }[] = [];
    const taken = { leases: 0, bytes: 0, writes: 0 };
    let written_bytes = 0;
    for (const delivery of offers) {
      if (batch.length >= batch_limit || written_bytes >= limits.batch_bytes) break;
      const fate = fateOf(delivery, taken);
      if (fate === 'skip') {
        if (delivery.isOver || delivery.isUnwritable || delivery.journal === 'leased') offers.delete(delivery);
        continue;
      }
      offers.delete(delivery);
      // Nothing here may begin it while it is being given away.
      if (fate === 'leave' && delivery.phase !== 'paused') delivery.phase = 'leaving';
      batch.push({ delivery, fate });
      written_bytes += delivery.message.payload.length;
      if (delivery.journal === 'none' && fate !== 'bury') taken.writes += 1;
      if (fate === 'lease') {
        taken.leases += 1;
        taken.bytes += delivery.message.payload.length;
      }
    }
    return batch;
  };

  const entryOf = (delivery: Delivery, fate: 'lease' | 'leave' | 'bury'): JournalEntry => {
    const now_ms = Date.now();
    const isPaused = delivery.phase === 'paused';
    const next_try_at_ms = fate === 'leave' ? (isPaused ? delivery.next_try_at_ms : now_ms) : null;
    delivery.job_id ??= `d-${boot_id}-${(jobNumber++).toString(36).padStart(8, '0')}`;
    return {
      job_id: delivery.job_id,
      data: toJobData(delivery, { product_id, delivery_id: deps.deliveryId(delivery) }, next_try_at_ms),
      delay_ms:
        next_try_at_ms === null ? (fate === 'lease' ? limits.lease_ms : 0) : Math.max(0, next_try_at_ms - now_ms),
    };
  };

  const writeBatch = async (batch: { delivery: Delivery; fate: 'lease' | 'leave' | 'bury' }[]): Promise<void> => {
    const fresh = batch.filter(({ delivery }) => delivery.journal === 'none');
    const known = batch.filter(({ delivery }) => delivery.journal === 'leased');
    const unsettled = new Set(batch);
    try {
      if (fresh.length > 0) {
        for (const { delivery } of fresh) delivery.journal = 'writing';
        await writeFresh(fresh);
        for (const item of fresh) {
          unsettled.delete(item);
          if (!item.delivery.isUnwritable) settle(item.delivery, item.fate);
        }
      }
      await Promise.all(
        known.map(async (item) => {
          item.delivery.isRewriting = true;
          try {
            // False: its lease has run out and another listener has it. That one decides what becomes of it.
            await journal.reschedule(entryOf(item.delivery, item.fate));
          } finally {
            item.delivery.isRewriting = false;
          }
          unsettled.delete(item);
          settle(item.delivery, item.fate);
        }),
      );
    } catch (error) {
      for (const { delivery } of unsettled) {
        if (delivery.journal === 'writing') {
          delivery.journal = 'none';
          // It may be in the queue all the same, or get there yet. What is written next is another job, so that taking this
          // one away can't meet it.
          if (delivery.job_id) ended.add(delivery.job_id);
          delivery.job_id = null;
        }
        offers.add(delivery);
        engine.onRefused(delivery);
      }
      throw error;
    }
  };

  /** A batch that the queue refuses for what is in it is split, so that one delivery never holds up the others. */
  const writeFresh = async (items: { delivery: Delivery; fate: 'lease' | 'leave' | 'bury' }[]): Promise<void> => {
    try {
      await journal.write(items.map(({ delivery, fate }) => entryOf(delivery, fate)));
      if (depth !== null) depth += items.length;
    } catch (error) {
      if (!isContentRefused(error)) throw error;
      const [only] = items;
      if (items.length === 1 && only) {
        only.delivery.isUnwritable = true;
        only.delivery.journal = 'none';
        logger.error('the queue refuses a delivery; the broker goes on holding its message', {
          product_id,
          subscription_id: only.delivery.runtime.id,
          message_id: only.delivery.message_id,
          error: error instanceof Error ? error.message : String(error),
        });
        if (only.delivery.phase === 'dying') engine.onLost(only.delivery);
        else engine.onRefused(only.delivery);
        return;
      }
      const half = Math.ceil(items.length / 2);
      await writeFresh(items.slice(0, half));
      await writeFresh(items.slice(half));
    }
  };

  /** The queue has it. */
  const settle = (delivery: Delivery, fate: 'lease' | 'leave' | 'bury'): void => {
    delivery.journal = 'leased';
    delivery.release();
    if (delivery.phase === 'ended') {
      // It succeeded while it was being written.
      if (delivery.job_id) ended.add(delivery.job_id);
      unhold(delivery);
      return;
    }
    switch (fate) {
      case 'lease':
        hold(delivery);
        // What was decided while it was being written is written next.
        if (delivery.phase === 'dying' || (delivery.phase === 'paused' && delivery.isOffered)) offers.add(delivery);
        if (delivery.phase === 'paused' && delivery.timer === null) engine.onRefused(delivery);
        return;
      case 'leave':
        unhold(delivery);
        engine.onLeft(delivery);
        return;
      case 'bury':
        unhold(delivery);
        engine.onBuried(delivery);
        return;
    }
  };

  const hold = (delivery: Delivery): void => {
    delivery.lease_until_ms = Date.now() + limits.lease_ms;
    const { job_id } = delivery;
    if (job_id === null || held.has(job_id)) return;
    held.set(job_id, delivery);
    heldBytes += delivery.message.payload.length;
    armRenewal();
  };

  const unhold = (delivery: Delivery): void => {
    if (delivery.job_id !== null && held.delete(delivery.job_id)) heldBytes -= delivery.message.payload.length;
  };

  let renewalTimer: NodeJS.Timeout | null = null;
  const armRenewal = (): void => {
    if (renewalTimer !== null || held.size === 0 || isStopped) return;
    renewalTimer = setTimeout(() => {
      renewalTimer = null;
      renew()
        .catch((error: Error) => logger.debug('leases not renewed', { product_id, error: error.message }))
        .finally(armRenewal);
    }, limits.lease_ms / 4);
  };

  const renew = async (): Promise<void> => {
    const before_ms = Date.now() + limits.lease_ms / 2;
    // Ordered ones all at once, so that their leases run out in their order.
    const due = [...held].filter(
      ([, { lease_until_ms, ordering_key, isRewriting }]) =>
        (lease_until_ms < before_ms || ordering_key !== null) && !isRewriting,
    );
    for (let start = 0; start < due.length; start += limits.batch) {
      const batch = due.slice(start, start + limits.batch);
      const lost = new Set(
        await journal.renew(
          batch.map(([job_id]) => job_id),
          limits.lease_ms,
        ),
      );
      const until_ms = Date.now() + limits.lease_ms;
      for (const [job_id, delivery] of batch) {
        if (!lost.has(job_id)) delivery.lease_until_ms = until_ms;
        else if (!delivery.isOver && delivery.lease_until_ms > 0) {
          logger.warn('a lease ran out while its delivery was still attempted; another listener may run it too', {
            product_id,
            subscription_id: delivery.runtime.id,
            message_id: delivery.message_id,
          });
          delivery.lease_until_ms = 0;
        }
      }
    }
  };

  const abandon = (): void => {
    isStopped = true;
    stopping.abort();
    if (overdueTimer) clearTimeout(overdueTimer);
    if (renewalTimer) clearTimeout(renewalTimer);
  };

  return {
    watch(delivery) {
      // Where all take long, waiting first would only keep the broker's window closed for as long.
      if (delivery.runtime.slow_in_a_row >= SLOW_AFTER) {
        offers.add(delivery);
        flush();
        return;
      }
      watched.push(delivery);
      armOverdue();
    },

    offer(delivery) {
      watched.remove(delivery);
      delivery.isOffered = true;
      offers.add(delivery);
      flush();
    },

    withdraw(delivery) {
      if (delivery.isRewriting) return false;
      if (delivery.journal === 'writing') return false;
      delivery.isOffered = false;
      if (delivery.journal === 'leased') offers.delete(delivery);
      return true;
    },

    bury(delivery) {
      watched.remove(delivery);
      if (delivery.isUnwritable) {
        engine.onLost(delivery);
        return;
      }
      offers.add(delivery);
      flush();
    },

    finished(delivery) {
      const { runtime } = delivery;
      const isSlow = Date.now() - delivery.message.received_at_ms > deps.handover_after_ms();
      runtime.slow_in_a_row = isSlow ? runtime.slow_in_a_row + 1 : 0;
      watched.remove(delivery);
      offers.delete(delivery);
      if (delivery.journal === 'leased' && !delivery.isRewriting) {
        unhold(delivery);
        if (delivery.job_id) ended.add(delivery.job_id);
        flush();
      }
    },

    held: () => held.size,
    claimOn: (job_id) => {
      if (held.has(job_id)) return 'attempting';
      return ended.has(job_id) || taken_ids.has(job_id) ? 'over' : 'free';
    },
    oldestUnreleased: (now_ms) => {
      let oldest: number | null = null;
      const see = (delivery: Delivery): void => {
        if (delivery.isReleased) return;
        const age_ms = now_ms - delivery.message.received_at_ms;
        if (oldest === null || age_ms > oldest) oldest = age_ms;
      };
      if (watched.head) see(watched.head);
      for (const delivery of offers) see(delivery);
      return oldest;
    },
    depth: () => depth,
    isQueueAvailable: () => available,

    handOverAll() {
      for (let first = watched.head; first !== null; first = watched.head) {
        watched.remove(first);
        offers.add(first);
      }
      for (const delivery of held.values()) if (delivery.phase !== 'running') offers.add(delivery);
      isDraining = true;
      flush();
    },

    async stop() {
      // What has ended is still taken away: nobody need run it again.
      flush();
      if (flushing && available) await waitAtMost(LAST_WRITE_LIMIT_MS, flushing);
      abandon();
      await flushing;
    },
    abandon,
  };
}

/** Deliveries in order of receipt; adding and removing cost no search and no allocation. */
class WatchList {
  head: Delivery | null = null;
  private tail: Delivery | null = null;

  push(delivery: Delivery): void {
    if (delivery.isWatched) return;
    delivery.isWatched = true;
    delivery.previous = this.tail;
    if (this.tail) this.tail.next = delivery;
    else this.head = delivery;
    this.tail = delivery;
  }

  remove(delivery: Delivery): void {
    if (!delivery.isWatched) return;
    delivery.isWatched = false;
    if (delivery.previous) delivery.previous.next = delivery.next;
    else this.head = delivery.next;
    if (delivery.next) delivery.next.previous = delivery.previous;
    else this.tail = delivery.previous;
    delivery.previous = null;
    delivery.next = null;
  }
}
