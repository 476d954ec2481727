import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliveryDeferral, waitAtMost } from '@cortex-mqtt/contracts';
import {
  type DeadLetterBound,
  type DeliveryJournal,
  isUnavailable,
  type JournalEntry,
  type QueueLogger,
} from '@cortex-mqtt/queues';
import type { Delivery } from '../pipeline/delivery';
import type { Overflow, OverflowEvents } from '../pipeline/overflow';
import { type BatchItem, BatchWriter } from './batch-writer';
import { toJobData } from './delivery-data';
import { EndedJobs } from './ended-jobs';
import { fateOf } from './fate';
import { LeaseKeeper } from './lease-keeper';
import { Overdue, patienceFor } from './overdue';
import type { ParkingLot } from './parking-lot';
import type { Recall } from './recall';

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
  /** Has those begin that wait for a destination here, `limit` at most; gives how many. */
  resumeParked(destination: string, limit: number): number;
  /** Offers everything that has not ended, without waiting for its time. */
  handOverAll(): void;
  /** Takes away what has ended, then writes no more; leases that are left run out by themselves. */
  stop(): Promise<void>;
  /** Stops at once and leaves everything as it is. */
  abandon(): void;
}

export interface HandoverDeps {
  journal: DeliveryJournal;
  engine: OverflowEvents;
  product_id: number;
  /** Milliseconds from the receipt after which a delivery is handed over. */
  handover_after_ms: () => number;
  /** Unique in the product: prefix of the job ids of this process. */
  boot_id: string;
  deliveryId: (delivery: Delivery) => string;
  /** Where those wait whose destination is away. */
  parking: ParkingLot;
  /** Calls them when it is back. */
  recall: Pick<Recall, 'looked' | 'parked'>;
  deadLetters?: Pick<DeadLetterBound, 'isHolding' | 'note'>;
  logger: QueueLogger;
  limits?: Partial<HandoverLimits>;
}

/**
 * Writes deliveries that take long into the product's queue, in batches, so that the broker can forget their messages:
 * leased while they are still attempted here, delayed by their pause once they are left to the queue. One write is
 * under way at a time; while the queue is away nothing changes and the broker keeps holding.
 */
export function createHandover(deps: HandoverDeps): Handover {
  return new QueueHandover(deps);
}

class QueueHandover implements Handover {
  private readonly limits: HandoverLimits;
  private readonly overdue: Overdue;
  private readonly leases: LeaseKeeper;
  private readonly ended: EndedJobs;
  private readonly writer: BatchWriter;
  /** Waiting to be written, in order. */
  private readonly offers = new Set<Delivery>();
  /** Deliveries of the next write: fewer after one that failed for a reason that nobody knows. */
  private batch_limit: number;
  private job_number = 0;
  private known_depth: number | null = null;
  private depth_at_ms = 0;
  private isAvailable = true;
  private isStopped = false;
  private isDraining = false;
  private flushing: Promise<void> | null = null;
  private readonly stopping = new AbortController();

  constructor(private readonly deps: HandoverDeps) {
    const { journal, product_id, logger } = deps;
    this.limits = { ...DEFAULT_HANDOVER_LIMITS, ...deps.limits };
    const { lease_ms, batch } = this.limits;
    this.batch_limit = batch;
    this.overdue = new Overdue({
      after_ms: deps.handover_after_ms,
      onOverdue: (deliveries) => {
        for (const delivery of deliveries) this.offers.add(delivery);
        this.flush();
      },
    });
    this.leases = new LeaseKeeper({ journal, product_id, lease_ms, batch, logger });
    this.ended = new EndedJobs({ journal, batch });
    this.writer = new BatchWriter({
      journal,
      events: {
        entryOf: (item) => this.entryOf(item),
        onWritten: (item, isNew) => {
          if (isNew && this.known_depth !== null) this.known_depth += 1;
          this.written(item);
        },
        onFailed: ({ delivery }, isNew) => this.notWritten(delivery, isNew),
        onRefused: ({ delivery }, error) => this.refused(delivery, error),
      },
    });
  }

  watch(delivery: Delivery): void {
    // Where all take long, waiting first would only keep the broker's window closed for as long.
    if (delivery.runtime.slow_in_a_row < SLOW_AFTER) {
      this.overdue.watch(delivery);
      return;
    }
    this.offers.add(delivery);
    this.flush();
  }

  offer(delivery: Delivery): void {
    this.overdue.forget(delivery);
    delivery.isOffered = true;
    this.offers.add(delivery);
    this.flush();
  }

  park(delivery: Delivery): number | null {
    const { deferral } = delivery;
    if (deferral === null || deferral.destination === null) return null;
    const { pause_ms, looks } = this.deps.parking.park(deferral.destination, {
      looked: deferral.looks,
      keepsPlace: delivery.ordering_key !== null,
      shut_for_ms: delivery.deferred_ms,
    });
    delivery.deferral = { ...deferral, looks };
    return pause_ms;
  }

  looked(awaited: DeliveryDeferral, isBack: boolean): void {
    this.deps.recall.looked(awaited, isBack);
  }

  resumeParked(destination: string, limit: number): number {
    const isParked = ({ phase, deferral }: Delivery): boolean =>
      phase === 'paused' && deferral?.destination === destination;
    const here = new Set([...this.leases.all(), ...this.offers].filter(isParked));
    const called = [...here].slice(0, limit);
    for (const delivery of called) this.deps.engine.resumeNow(delivery);
    return called.length;
  }

  withdraw(delivery: Delivery): boolean {
    if (delivery.journal === 'rewriting' || delivery.journal === 'writing') return false;
    delivery.isOffered = false;
    if (delivery.journal === 'leased') this.offers.delete(delivery);
    return true;
  }

  bury(delivery: Delivery): void {
    this.overdue.forget(delivery);
    if (delivery.journal === 'refused') {
      this.deps.engine.onLost(delivery);
      return;
    }
    this.offers.add(delivery);
    this.flush();
  }

  finished(delivery: Delivery): void {
    const { runtime } = delivery;
    const isSlow = Date.now() - delivery.message.received_at_ms > this.deps.handover_after_ms() + patienceFor(delivery);
    runtime.slow_in_a_row = isSlow ? runtime.slow_in_a_row + 1 : 0;
    this.overdue.forget(delivery);
    this.offers.delete(delivery);
    if (delivery.journal !== 'leased') return;
    this.letGo(delivery);
    this.flush();
  }

  held = (): number => this.leases.count;

  claimOn(job_id: string): JobClaim {
    if (this.leases.has(job_id)) return 'attempting';
    return this.ended.has(job_id) ? 'over' : 'free';
  }

  oldestUnreleased(now_ms: number): number | null {
    let oldest: number | null = null;
    const see = (delivery: Delivery): void => {
      if (delivery.isReleased) return;
      const age_ms = now_ms - delivery.message.received_at_ms;
      if (oldest === null || age_ms > oldest) oldest = age_ms;
    };
    if (this.overdue.oldest) see(this.overdue.oldest);
    for (const delivery of this.offers) see(delivery);
    return oldest;
  }

  depth = (): number | null => this.known_depth;

  isQueueAvailable = (): boolean => this.isAvailable;

  handOverAll(): void {
    for (const delivery of this.overdue.takeAll()) this.offers.add(delivery);
    for (const delivery of this.leases.all()) if (delivery.phase !== 'running') this.offers.add(delivery);
    this.isDraining = true;
    this.flush();
  }

  async stop(): Promise<void> {
    // What has ended is still taken away: nobody need run it again.
    this.flush();
    if (this.flushing && this.isAvailable) await waitAtMost(LAST_WRITE_LIMIT_MS, this.flushing);
    this.abandon();
    await this.flushing;
  }

  abandon(): void {
    this.isStopped = true;
    this.stopping.abort();
    this.overdue.stop();
    this.leases.stop();
  }

  private get hasWork(): boolean {
    return this.offers.size > 0 || this.ended.size > 0;
  }

  private flush(): void {
    if (this.flushing || this.isStopped || !this.hasWork) return;
    this.flushing = this.flushLoop().finally(() => {
      this.flushing = null;
      // What came while the last write ended.
      this.flush();
    });
  }

  private async flushLoop(): Promise<void> {
    const { signal } = this.stopping;
    // One turn of the event loop, so that what becomes due together is written together.
    await new Promise((resolve) => setImmediate(resolve));
    let pause_ms = RETRY_MIN_MS;
    while (!this.isStopped && this.hasWork) {
      try {
        const removed = await this.ended.removeAll();
        if (this.known_depth !== null) this.known_depth = Math.max(0, this.known_depth - removed);
        await this.refreshDepth();
        const batch = this.takeBatch();
        if (batch.length > 0) {
          await this.writer.write(batch);
          pause_ms = RETRY_MIN_MS;
          this.batch_limit = Math.min(this.batch_limit * 2, this.limits.batch);
          this.setAvailable(true);
        } else if (this.offers.size > 0) {
          // The queue or the memory is at its bound: the broker holds the rest.
          await sleep(AT_BOUND_MS, undefined, { signal });
        }
      } catch (error) {
        if (signal.aborted) return;
        this.setAvailable(false, error);
        // If it is about one delivery after all, the others get by.
        if (!isUnavailable(error)) this.batch_limit = Math.max(1, Math.floor(this.batch_limit / 2));
        await sleep(pause_ms, undefined, { signal }).catch(() => undefined);
        pause_ms = Math.min(pause_ms * 2, RETRY_MAX_MS);
      }
    }
  }

  private setAvailable(now: boolean, error?: unknown): void {
    if (this.isAvailable === now) return;
    this.isAvailable = now;
    const { logger, product_id } = this.deps;
    if (now) logger.info('deliveries are handed over again', { product_id });
    else {
      logger.warn('the queue is away, the broker holds what is not delivered', {
        product_id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  private async refreshDepth(): Promise<void> {
    if (this.offers.size === 0 || Date.now() - this.depth_at_ms < DEPTH_EVERY_MS) return;
    this.known_depth = await this.deps.journal.depth();
    this.depth_at_ms = Date.now();
  }

  private takeBatch(): BatchItem[] {
    const { limits, leases } = this;
    const batch: BatchItem[] = [];
    let writes = 0;
    let new_leases = 0;
    let new_bytes = 0;
    let written_bytes = 0;
    for (const delivery of this.offers) {
      if (batch.length >= this.batch_limit || written_bytes >= limits.batch_bytes) break;
      const fate = fateOf(delivery, {
        isQueueOpen: this.known_depth === null || this.known_depth + writes < limits.max_queued,
        isDeadFull: this.deps.deadLetters?.isHolding,
        isMemoryOpen: leases.count + new_leases < limits.max_held && leases.bytes + new_bytes < limits.max_held_bytes,
        isDraining: this.isDraining,
      });
      if (fate === 'wait') continue;
      this.offers.delete(delivery);
      if (fate === 'forget') continue;
      // Nothing here may begin it while it is being given away.
      if (fate === 'leave' && delivery.phase !== 'paused' && !delivery.moveTo('leaving')) continue;
      batch.push({ delivery, fate });
      const { length } = delivery.message.payload;
      written_bytes += length;
      if (delivery.journal === 'none' && fate !== 'bury') writes += 1;
      if (fate === 'lease') {
        new_leases += 1;
        new_bytes += length;
      }
    }
    return batch;
  }

  private entryOf({ delivery, fate }: BatchItem): JournalEntry {
    const { product_id, boot_id, deliveryId } = this.deps;
    const now_ms = Date.now();
    const isPaused = delivery.phase === 'paused';
    const next_try_at_ms = fate === 'leave' ? (isPaused ? delivery.next_try_at_ms : now_ms) : null;
    delivery.job_id ??= `d-${boot_id}-${(this.job_number++).toString(36).padStart(8, '0')}`;
    return {
      job_id: delivery.job_id,
      data: toJobData(delivery, { product_id, delivery_id: deliveryId(delivery) }, next_try_at_ms),
      delay_ms:
        next_try_at_ms === null ? (fate === 'lease' ? this.limits.lease_ms : 0) : Math.max(0, next_try_at_ms - now_ms),
    };
  }

  private written({ delivery, fate }: BatchItem): void {
    const { engine } = this.deps;
    delivery.release();
    if (delivery.phase === 'ended') {
      // It succeeded while it was being written.
      this.letGo(delivery);
      return;
    }
    const isLeft = fate === 'leave' && (delivery.phase === 'leaving' || delivery.phase === 'paused');
    if (isLeft || fate === 'bury') {
      this.leases.release(delivery);
      if (fate === 'bury') {
        this.deps.deadLetters?.note(delivery.message.payload.length);
        engine.onBuried(delivery);
      } else {
        engine.onLeft(delivery);
        if (delivery.deferral !== null) this.deps.recall.parked(delivery.deferral);
      }
      return;
    }
    this.leases.hold(delivery);
    // What was decided while it was being written is written next.
    if (delivery.phase === 'dying' || (delivery.phase === 'paused' && delivery.isOffered)) this.offers.add(delivery);
    if (delivery.phase === 'paused' && delivery.timer === null) engine.onRefused(delivery);
  }

  private notWritten(delivery: Delivery, isNew: boolean): void {
    if (isNew) {
      // It may be in the queue all the same, or get there yet. What is written next is another job, so that taking this
      // one away can't meet it.
      if (delivery.job_id) this.ended.add(delivery.job_id);
      delivery.job_id = null;
    }
    this.offers.add(delivery);
    this.deps.engine.onRefused(delivery);
  }

  private refused(delivery: Delivery, error: unknown): void {
    const { logger, engine, product_id } = this.deps;
    const isDying = delivery.phase === 'dying';
    logger.error(
      isDying
        ? 'the queue refuses a dead letter, also without its history; the delivery is dropped'
        : 'the queue refuses a delivery; the broker keeps holding its message',
      {
        product_id,
        subscription_id: delivery.runtime.id,
        message_id: delivery.message_id,
        error: error instanceof Error ? error.message : String(error),
      },
    );
    if (isDying) engine.onLost(delivery);
    else engine.onRefused(delivery);
  }

  /** Its job is to be taken away. */
  private letGo(delivery: Delivery): void {
    this.leases.release(delivery);
    if (delivery.job_id) this.ended.add(delivery.job_id);
  }
}
