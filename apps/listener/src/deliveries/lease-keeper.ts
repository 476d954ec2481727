import type { DeliveryJournal, QueueLogger } from '@cortex-mqtt/queues';
import type { Delivery } from '../pipeline/delivery';

/** Deliveries in the queue under a lease of this process: keeps the leases from running out. */
export class LeaseKeeper {
  /** Bytes of their payloads. */
  bytes = 0;
  private readonly held = new Map<string, Delivery>();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    private readonly deps: {
      journal: Pick<DeliveryJournal, 'renew'>;
      product_id: number;
      lease_ms: number;
      /** Leases renewed by one call. */
      batch: number;
      logger: QueueLogger;
    },
  ) {}

  get count(): number {
    return this.held.size;
  }

  has(job_id: string): boolean {
    return this.held.has(job_id);
  }

  all(): Iterable<Delivery> {
    return this.held.values();
  }

  hold(delivery: Delivery): void {
    delivery.lease_until_ms = Date.now() + this.deps.lease_ms;
    const { job_id } = delivery;
    if (job_id === null || this.held.has(job_id)) return;
    this.held.set(job_id, delivery);
    this.bytes += delivery.message.payload.length;
    this.arm();
  }

  release({ job_id, message }: Delivery): void {
    if (job_id !== null && this.held.delete(job_id)) this.bytes -= message.payload.length;
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private arm(): void {
    if (this.timer !== null || this.held.size === 0 || this.isStopped) return;
    const { product_id, lease_ms, logger } = this.deps;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.renew()
        .catch((error: Error) => logger.debug('leases not renewed', { product_id, error: error.message }))
        .finally(() => this.arm());
    }, lease_ms / 4);
  }

  private async renew(): Promise<void> {
    const { journal, lease_ms, batch: size } = this.deps;
    const before_ms = Date.now() + lease_ms / 2;
    // Ordered ones all at once, so that their leases run out in their order.
    const due = [...this.held].filter(
      ([, { lease_until_ms, ordering_key, journal: state }]) =>
        (lease_until_ms < before_ms || ordering_key !== null) && state !== 'rewriting',
    );
    for (let start = 0; start < due.length; start += size) {
      const batch = due.slice(start, start + size);
      const job_ids = batch.map(([job_id]) => job_id);
      const lost = new Set(await journal.renew(job_ids, lease_ms));
      const until_ms = Date.now() + lease_ms;
      for (const [job_id, delivery] of batch) {
        if (lost.has(job_id)) this.noteLoss(delivery);
        else delivery.lease_until_ms = until_ms;
      }
    }
  }

  private noteLoss(delivery: Delivery): void {
    if (delivery.isOver || delivery.lease_until_ms === 0) return;
    delivery.lease_until_ms = 0;
    this.deps.logger.warn('a lease expired while its delivery was still running; another listener may run it too', {
      product_id: this.deps.product_id,
      subscription_id: delivery.runtime.id,
      message_id: delivery.message_id,
    });
  }
}
