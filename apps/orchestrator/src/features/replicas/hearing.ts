/**
 * For how long reports of a product have come without a gap. Before that nobody was heard: the orchestrator, its database or the
 * network was away, and the silence of an instance says nothing about it. Those that are healthy report again one after another.
 */
export class Hearing {
  private readonly products = new Map<number, { since_ms: number; last_ms: number }>();

  /** Longer than `gap_ms` without a report is a gap. */
  constructor(private readonly gap_ms: number) {}

  /** A report was taken in. Gives the milliseconds for which they have come. */
  heard(product_id: number, now_ms: number): number {
    const known = this.products.get(product_id);
    const since_ms = known && now_ms - known.last_ms <= this.gap_ms ? known.since_ms : now_ms;
    this.products.set(product_id, { since_ms, last_ms: now_ms });
    return now_ms - since_ms;
  }
}
