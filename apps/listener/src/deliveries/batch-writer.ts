import { type DeliveryJournal, isContentRefused, type JournalEntry } from '@cortex-mqtt/queues';
import type { Delivery } from '../pipeline/delivery';

/** A delivery that is written, and what becomes of it by that. */
export interface BatchItem {
  delivery: Delivery;
  fate: 'lease' | 'leave' | 'bury';
}

export interface BatchEvents {
  entryOf(item: BatchItem): JournalEntry;
  /** The queue has it; `isNew`: as one more. */
  onWritten(item: BatchItem, isNew: boolean): void;
  /** Not written, as far as is known; `isNew`: it may get there yet, under the id that it had. */
  onFailed(item: BatchItem, isNew: boolean): void;
  /** The queue will never take it. */
  onRefused(item: BatchItem, error: unknown): void;
}

/**
 * Writes batches of deliveries into the journal. Each item is answered for exactly once, whatever the others do: a fault of
 * one write says nothing about those beside it that are still under way.
 */
export class BatchWriter {
  constructor(private readonly deps: { journal: Pick<DeliveryJournal, 'write' | 'reschedule'>; events: BatchEvents }) {}

  /** Resolves when everything has been answered for. @throws the first fault, after that. */
  async write(batch: readonly BatchItem[]): Promise<void> {
    const fresh = batch.filter(({ delivery }) => delivery.journal === 'none');
    const known = batch.filter(({ delivery }) => delivery.journal === 'leased');
    for (const { delivery } of fresh) delivery.journal = 'writing';
    for (const { delivery } of known) delivery.journal = 'rewriting';
    const results = await Promise.allSettled([
      ...(fresh.length > 0 ? [this.writeFresh(fresh)] : []),
      ...known.map((item) => this.rewrite(item)),
    ]);
    const fault = results.find((result) => result.status === 'rejected');
    if (fault) throw fault.reason;
  }

  private async rewrite(item: BatchItem): Promise<void> {
    try {
      // False: its lease has run out and another listener has it. That one decides what becomes of it.
      await this.deps.journal.reschedule(this.deps.events.entryOf(item));
    } catch (error) {
      item.delivery.journal = 'leased';
      this.deps.events.onFailed(item, false);
      throw error;
    }
    item.delivery.journal = 'leased';
    this.deps.events.onWritten(item, false);
  }

  /** A batch that the queue refuses for what is in it is split, so that one delivery never holds up the others. */
  private async writeFresh(items: readonly BatchItem[]): Promise<void> {
    const { journal, events } = this.deps;
    try {
      await journal.write(items.map((item) => events.entryOf(item)));
    } catch (error) {
      if (!isContentRefused(error)) {
        for (const item of items) {
          item.delivery.journal = 'none';
          events.onFailed(item, true);
        }
        throw error;
      }
      const [only] = items;
      if (items.length === 1 && only) {
        only.delivery.journal = 'refused';
        events.onRefused(only, error);
        return;
      }
      const half = Math.ceil(items.length / 2);
      const halves = [items.slice(0, half), items.slice(half)];
      const results = await Promise.allSettled(halves.map((part) => this.writeFresh(part)));
      const fault = results.find((result) => result.status === 'rejected');
      if (fault) throw fault.reason;
      return;
    }
    for (const item of items) {
      item.delivery.journal = 'leased';
      events.onWritten(item, true);
    }
  }
}
