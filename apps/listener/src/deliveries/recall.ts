import type { DeliveryDeferral } from '@cortex-mqtt/contracts';
import type { DeliverySurvey, QueueLogger } from '@cortex-mqtt/queues';
import type { ParkingLot } from './parking-lot';

/** Deliveries called in one go, and the pause after it: three hundred a second. */
const CALLED_AT_ONCE = 30;
const PAUSE_MS = 100;
/** Looks through the queue: what is called leaves it, and others move up meanwhile. */
const MAX_LOOKS = 50;
/** How often it is checked that every destination that is waited for has one delivery that looks. */
const WATCH_EVERY_MS = 1_000;
/** How often the queue is searched for deliveries that wait for a destination that nothing here knows to be away. */
const SEARCH_EVERY_MS = 15_000;
/** Jobs that such a search looks at, those due first. */
const SEARCHED = 1_000;

export interface RecallDeps {
  survey: Pick<DeliverySurvey, 'paused' | 'call'>;
  parking: ParkingLot;
  /** Has those begin at once that wait for the destination in this process, `limit` at most; gives how many. */
  resumeHere(destination: string, limit: number): number;
  logger: QueueLogger;
  watch_every_ms?: number;
  search_every_ms?: number;
}

/**
 * Sees to it that whatever waits for a destination is called when that is back, whoever finds out: a delivery that looked, a
 * new message, a person who closes the breaker. Nothing depends on one delivery alone: when the one that looks is lost, another
 * has its turn, and what nobody here knows of, such as what a listener that died has left, is found by a search.
 */
export class Recall {
  /** Destinations that are being called; `true`: once more when that is done. */
  private readonly calling = new Map<string, boolean>();
  private readonly timers: NodeJS.Timeout[] = [];
  private isStopped = true;
  private isSearching = false;

  constructor(private readonly deps: RecallDeps) {}

  /** This process works the queue from now on. */
  start(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    const { watch_every_ms = WATCH_EVERY_MS, search_every_ms = SEARCH_EVERY_MS } = this.deps;
    this.timers.push(setInterval(() => this.watch(), watch_every_ms).unref());
    this.timers.push(setInterval(() => this.search(), search_every_ms).unref());
    this.search();
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers.splice(0)) clearInterval(timer);
  }

  /** The destination is back: those that wait for it are called, at a pace, until it is away again. */
  reached(destination: string): void {
    this.deps.parking.open(destination);
    this.callThem(destination);
  }

  /** A delivery that had waited for a destination was attempted. */
  looked({ destination, looks }: DeliveryDeferral, isBack: boolean): void {
    if (destination === null) return;
    if (isBack) this.reached(destination);
    else if (looks) this.deps.parking.lookAgain(destination);
  }

  /** Somebody wants to know now whether it is back. */
  lookNow(destination: string): void {
    this.callOne(destination).catch((error: Error) => this.noteFault(destination, error));
  }

  /** One has been left in the queue to wait for a destination, which may have come back while it was written. */
  parked({ destination }: DeliveryDeferral): void {
    if (destination !== null && !this.deps.parking.isShut(destination)) this.callThem(destination);
  }

  private callThem(destination: string): void {
    if (this.isStopped) return;
    if (this.calling.has(destination)) {
      this.calling.set(destination, true);
      return;
    }
    this.calling.set(destination, false);
    this.callAll(destination)
      .catch((error: Error) => this.noteFault(destination, error))
      .finally(() => {
        const isWanted = this.calling.get(destination) === true;
        this.calling.delete(destination);
        if (isWanted && !this.deps.parking.isShut(destination)) this.callThem(destination);
      });
  }

  private async callAll(destination: string): Promise<void> {
    this.deps.resumeHere(destination, Number.POSITIVE_INFINITY);
    const called = new Set<string>();
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const before = called.size;
      await this.callThrough(destination, called);
      if (called.size === before || this.isOver(destination)) return;
    }
  }

  /** Once through the queue. */
  private async callThrough(destination: string, called: Set<string>): Promise<void> {
    const { survey } = this.deps;
    let batch: string[] = [];
    const callBatch = async (): Promise<void> => {
      await Promise.all(batch.map((job_id) => survey.call(job_id)));
      batch = [];
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    };
    for await (const { job_id, deferral } of survey.paused()) {
      if (this.isOver(destination)) return;
      if (deferral?.destination !== destination || called.has(job_id)) continue;
      called.add(job_id);
      batch.push(job_id);
      if (batch.length >= CALLED_AT_ONCE) await callBatch();
    }
    if (batch.length > 0 && !this.isOver(destination)) await callBatch();
  }

  private isOver(destination: string): boolean {
    return this.isStopped || this.deps.parking.isShut(destination);
  }

  /** The one that looked at a destination may have failed there, been deleted, or gone with another listener. */
  private watch(): void {
    for (const destination of this.deps.parking.unwatched()) this.lookNow(destination);
  }

  /** Lets one that waits look whether the destination is back. */
  private async callOne(destination: string): Promise<void> {
    const { parking, survey, resumeHere } = this.deps;
    parking.expectLook(destination);
    if (resumeHere(destination, 1) > 0) return;
    for await (const { job_id, deferral } of survey.paused()) {
      if (deferral?.destination === destination && (await survey.call(job_id))) return;
    }
  }

  private search(): void {
    if (this.isSearching || this.isStopped) return;
    this.isSearching = true;
    this.searchOnce()
      .catch((error: Error) =>
        // The next search follows.
        this.deps.logger.warn('the queue could not be searched for deliveries that wait for a destination', {
          error: error.message,
        }),
      )
      .finally(() => {
        this.isSearching = false;
      });
  }

  private async searchOnce(): Promise<void> {
    const { survey, parking } = this.deps;
    const called = new Set<string>();
    let seen = 0;
    for await (const { job_id, deferral } of survey.paused()) {
      seen += 1;
      if (seen > SEARCHED || this.isStopped) return;
      const destination = deferral?.destination ?? null;
      if (destination === null || called.has(destination)) continue;
      if (parking.isShut(destination) || this.calling.has(destination)) continue;
      // One is enough: if it gets there, it has the others called.
      if (await survey.call(job_id)) called.add(destination);
    }
  }

  /** Those that wait come back by themselves, and the next look or search follows. */
  private noteFault(destination: string, error: Error): void {
    this.deps.logger.warn('deliveries that wait for a destination could not be recalled', {
      destination,
      error: error.message,
    });
  }
}
