import type { DataKeys } from './data-keys';
import { SealedContent } from './sealed-content';
import type { MessageStore, SegmentFilter, SegmentHead } from './store/message-store';
import { byMessage, type StoredMessage, withLate } from './stored-message';

/** Segment heads that are fetched at once. */
const HEADS = 200;

export interface ScanBudget {
  /** Milliseconds, and bytes of expanded segments, after which the scan pauses. */
  limit_ms: number;
  limit_bytes: number;
}

export interface ScanResult {
  messages: StoredMessage[];
  /** Everything on the far side of this id has not been looked at; null = all has been. */
  reached_id: string | null;
}

export interface ScanQuery {
  product_id: number;
  filter: SegmentFilter;
  /** Whether a message is wanted. */
  test(message: StoredMessage): boolean | Promise<boolean>;
  limit: number;
  budget: ScanBudget;
  signal?: AbortSignal;
}

/** Opens segments and looks through them, within bounds. */
export class MessageScan {
  constructor(private readonly deps: { store: MessageStore; keys: DataKeys }) {}

  /**
   * Wanted messages, newest first. Segments of several listeners overlap in time, so a message is answered only once no
   * segment that is still closed can have a newer one.
   */
  async newest({ product_id, filter, test, limit, budget, signal }: ScanQuery): Promise<ScanResult> {
    const { store } = this.deps;
    const until_ms = Date.now() + budget.limit_ms;
    const { from_id, before_id } = filter;
    const content = new SealedContent(product_id, await this.deps.keys.keyOf(product_id));
    let found: StoredMessage[] = [];
    let bytes = 0;
    let after: SegmentHead | null = null;
    for (;;) {
      const heads: SegmentHead[] = await store.segments(product_id, filter, { order: 'newest', limit: HEADS, after });
      for (const head of heads) {
        if (found.length > 0 && found.filter(({ id }) => id > head.last_id).length >= limit) {
          return resultOf(found, limit, lastOf(found, limit));
        }
        if (bytes >= budget.limit_bytes || Date.now() >= until_ms || signal?.aborted) {
          // What is newer than anything in a closed segment is certain; the scan continues behind it.
          const reached_id = before_id !== null && before_id < head.last_id ? before_id : above(head.last_id);
          const certain = found.filter(({ id }) => id >= reached_id);
          return resultOf(certain, limit, reached_id);
        }
        const opened = await this.open(product_id, head, content);
        bytes += opened.expanded_bytes;
        for (const message of opened.all) {
          const isWithin =
            (before_id === null || message.id < before_id) && (from_id === null || message.id >= from_id);
          // Copied out: a message must not hold on to its whole segment.
          if (isWithin && (await test(message))) found.push({ ...message, payload: Buffer.from(message.payload) });
        }
        found.sort((a, b) => (a.id < b.id ? 1 : -1));
        // What is beyond can't be among those answered: those kept are newer.
        found = found.slice(0, limit + 1);
      }
      after = heads.at(-1) ?? null;
      if (heads.length < HEADS) return resultOf(found, limit, found.length > limit ? lastOf(found, limit) : null);
    }
  }

  /**
   * Messages oldest first, one by one. Those of segments that overlap are merged: a message comes only once no segment that
   * is still closed can have an older one.
   */
  async *oldest({ product_id, filter }: Pick<ScanQuery, 'product_id' | 'filter'>): AsyncGenerator<StoredMessage> {
    const { store } = this.deps;
    const { from_id, before_id } = filter;
    const content = new SealedContent(product_id, await this.deps.keys.keyOf(product_id));
    let ahead: StoredMessage[] = [];
    let after: SegmentHead | null = null;
    for (;;) {
      const heads: SegmentHead[] = await store.segments(product_id, filter, { order: 'oldest', limit: HEADS, after });
      for (const head of heads) {
        const isCertain = ({ id }: StoredMessage): boolean => id < head.first_id;
        yield* ahead.filter(isCertain);
        ahead = ahead.filter((message) => !isCertain(message));
        const { all } = await this.open(product_id, head, content);
        for (const message of all) {
          const isWithin =
            (before_id === null || message.id < before_id) && (from_id === null || message.id >= from_id);
          if (isWithin) ahead.push(message);
        }
        ahead.sort((a, b) => (a.id < b.id ? -1 : 1));
      }
      after = heads.at(-1) ?? null;
      if (heads.length < HEADS) {
        yield* ahead;
        return;
      }
    }
  }

  /** A message by its id; null when it isn't there (any more). */
  async one(product_id: number, id: string): Promise<StoredMessage | null> {
    const content = new SealedContent(product_id, await this.deps.keys.keyOf(product_id));
    const filter: SegmentFilter = {
      from_id: id,
      before_id: above(id),
      topic_filter: null,
      subscription_id: null,
      outcomes: null,
    };
    for (const head of await this.deps.store.segments(product_id, filter, { order: 'oldest', limit: HEADS })) {
      const { all } = await this.open(product_id, head, content);
      const found = all.find((message) => message.id === id);
      if (found) return found;
    }
    return null;
  }

  /** Everything of one segment, with what came later. */
  async open(
    product_id: number,
    head: SegmentHead,
    content: SealedContent,
  ): Promise<{ all: StoredMessage[]; expanded_bytes: number }> {
    const body = await this.deps.store.body(product_id, head);
    if (body === null) return { all: [], expanded_bytes: 0 };
    const { segment, expanded_bytes } = await content.openSegment(head.id, body);
    const late = byMessage(await this.deps.store.outcomesBetween(product_id, head.first_id, head.last_id));
    return { all: segment.messages.map((message) => withLate(message, late, content)), expanded_bytes };
  }
}

/** The smallest text above an id. */
const above = (id: string): string => `${id}0`;

const lastOf = (found: StoredMessage[], limit: number): string | null => found[limit - 1]?.id ?? null;

function resultOf(found: StoredMessage[], limit: number, reached_id: string | null): ScanResult {
  return { messages: found.slice(0, limit), reached_id };
}
