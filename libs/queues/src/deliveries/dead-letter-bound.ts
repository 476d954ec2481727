import { asProductId, queueNames } from '@cortex-mqtt/contracts';
import type { QueueBackend } from '../queue-backend';
import { describeError } from '../queue-errors';
import type { QueueLogger } from '../queue-logger';
import { deliveriesQueue, inParallel } from './delivery-journal';

export interface DeadLetterLimits {
  /** Dead letters of a product, and the bytes that they take in the queue. */
  max: number;
  max_bytes: number;
  /** At the bound: the oldest go, or nothing becomes one any more and the broker holds the rest. */
  when_full: 'drop_oldest' | 'hold';
}

export interface DeadLetterState {
  count: number;
  bytes: number;
  /** Those that had to go since the start. */
  dropped: number;
}

/** Share of a bound from which on it is reported. */
const NEARLY = 0.8;
/** What is dropped makes room for some more. */
const ROOM = 0.95;
const LOOK_EVERY_MS = 10_000;

/**
 * Keeps the dead letters of a product within their bound, in number and bytes: else a few hundred large ones fill the store
 * that healthy traffic needs.
 */
export class DeadLetterBound {
  private state: DeadLetterState | null = null;
  private dropped = 0;
  private looking: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly deps: {
      backend: QueueBackend;
      product_id: number;
      limits: DeadLetterLimits;
      logger: QueueLogger;
      onChange?: () => void;
    },
  ) {}

  start(): void {
    void this.look();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** null = not known. */
  read(): DeadLetterState | null {
    return this.state && { ...this.state, dropped: this.dropped };
  }

  /** Nothing may become a dead letter now. */
  get isHolding(): boolean {
    return this.deps.limits.when_full === 'hold' && this.share >= 1;
  }

  /** One more, of so many bytes. */
  note(bytes: number): void {
    if (this.state === null) return;
    this.state.count += 1;
    this.state.bytes += bytes;
    if (this.share >= 1 && this.deps.limits.when_full === 'drop_oldest') void this.look();
  }

  warnings(): { code: string; message: string }[] {
    const { limits } = this.deps;
    const { state, dropped } = this;
    if (state === null || (this.share < NEARLY && dropped === 0)) return [];
    const full = limits.when_full === 'hold' ? 'the broker holds what would become one' : 'the oldest are dropped';
    const kept = `${state.count} of ${limits.max} dead letters, ${megabytes(state.bytes)} of ${megabytes(limits.max_bytes)} MB`;
    const lost = dropped === 0 ? '' : ` ${dropped} had to be dropped since the listener started.`;
    return [
      {
        code: 'DEAD_LETTERS_NEARLY_FULL',
        message: `The queue keeps ${kept}. At the bound ${full}.${lost} Retry or purge some.`,
      },
    ];
  }

  /** Counts them, and drops what is too much. Never rejects. */
  look(): Promise<void> {
    clearTimeout(this.timer);
    this.looking ??= this.lookOnce()
      .catch((error: unknown) => {
        this.state = null;
        this.deps.logger.debug('dead letters could not be counted', { error: describeError(error) });
      })
      .finally(() => {
        this.looking = null;
        if (!this.isStopped) this.timer = setTimeout(() => void this.look(), LOOK_EVERY_MS).unref();
      });
    return this.looking;
  }

  private get share(): number {
    if (this.state === null) return 0;
    const { max, max_bytes } = this.deps.limits;
    return Math.max(this.state.count / max, this.state.bytes / max_bytes);
  }

  private async lookOnce(): Promise<void> {
    const { backend, limits, logger, onChange } = this.deps;
    const product_id = asProductId(this.deps.product_id);
    const sizes = await backend.failedSizes(queueNames.deliveries(product_id));
    let count = sizes.length;
    let bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
    const drop: string[] = [];
    if (limits.when_full === 'drop_oldest' && (count > limits.max || bytes > limits.max_bytes)) {
      for (const size of sizes) {
        if (count <= limits.max * ROOM && bytes <= limits.max_bytes * ROOM) break;
        drop.push(size.job_id);
        count -= 1;
        bytes -= size.bytes;
      }
    }
    const before = this.warnings().length;
    if (drop.length > 0) {
      const queue = deliveriesQueue(backend, product_id);
      await inParallel(drop, async (id) => void (await queue.remove(id)), 16);
      this.dropped += drop.length;
      logger.warn('dead letters at their bound: the oldest were dropped', { product_id, dropped: drop.length, count });
    }
    this.state = { count, bytes, dropped: this.dropped };
    if (this.warnings().length !== before) onChange?.();
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
