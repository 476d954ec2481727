import type { GapReason, Outcome } from '@cortex-mqtt/messages';

/** What is known of a segment without opening it. */
export interface SegmentHead {
  id: string;
  day: string;
  /** Number in order of storing. */
  sequence: number;
  /** Smallest and largest record id in it. */
  first_id: string;
  last_id: string;
  messages: number;
  payload_bytes: number;
  stored_bytes: number;
}

export interface NewSegment {
  product_id: number;
  id: string;
  first_id: string;
  last_id: string;
  messages: number;
  payload_bytes: number;
  /** Bits of the outcomes that occur. */
  outcomes: number;
  subscription_ids: number[];
  topics: string[];
  /** Sealed. */
  body: Buffer;
}

/** An outcome that came after its message was stored; the newest of a delivery counts. */
export interface StoredOutcome {
  message_id: string;
  subscription_id: number;
  outcome: Outcome;
  at: Date;
  /** Sealed: attempts and error. */
  body: Buffer | null;
}

export interface StoredGap {
  from_at: Date;
  to_at: Date;
  messages: number | null;
  reason: GapReason;
}

/** What came on a topic since it was last written. */
export interface TopicCount {
  product_id: number;
  topic: string;
  messages: number;
  bytes: number;
  first_at: Date;
  last_at: Date;
  /** Sealed beginning of the newest payload, and the bytes it had. */
  last_value: Buffer | null;
  last_bytes: number;
}

export interface TopicRow {
  topic: string;
  messages: number;
  bytes: number;
  first_at: Date;
  last_at: Date;
  rate_per_s: number;
  last_value: Buffer | null;
  last_bytes: number;
}

/** Which segments may hold what is looked for. */
export interface SegmentFilter {
  /** Record ids (or beginnings of them) between which the wanted ones lie: `from` inclusive, `before` exclusive. */
  from_id: string | null;
  before_id: string | null;
  topic_filter: string | null;
  subscription_id: number | null;
  outcomes: readonly Outcome[] | null;
}

export interface ArchiveUsage {
  stored_bytes: number;
  messages: number;
  oldest_at: Date | null;
  newest_at: Date | null;
}

export interface Retention {
  max_age_days: number;
  max_bytes: number;
}

/**
 * Where recorded messages are. Everything with content in it is sealed by whoever calls; the store sees topics, ids,
 * outcomes and times. Another one (an object store, say) has to pass the same contract tests.
 */
export interface MessageStore {
  /** False: it was stored before, and nothing is changed. */
  addSegment(segment: NewSegment, gaps: readonly StoredGap[]): Promise<boolean>;
  addOutcomes(product_id: number, outcomes: readonly StoredOutcome[]): Promise<void>;
  addGaps(product_id: number, segment_id: string, gaps: readonly StoredGap[]): Promise<void>;
  countTopics(counts: readonly TopicCount[]): Promise<void>;
  /** Newest (largest `last_id`) first, or oldest first. */
  segments(
    product_id: number,
    filter: SegmentFilter,
    options: { order: 'newest' | 'oldest'; limit: number; after?: SegmentHead | null },
  ): Promise<SegmentHead[]>;
  /** Segments stored after that number, in order. */
  segmentsSince(product_id: number, sequence: number, limit: number): Promise<SegmentHead[]>;
  /** Messages of the segments with numbers above one and up to another. */
  messagesSince(product_id: number, sequence: number, upto: number): Promise<number>;
  newestSequence(product_id: number): Promise<number>;
  /** Messages of the segments that begin between these ids. */
  messagesBetween(product_id: number, from_id: string, before_id: string): Promise<number>;
  /** null: it has been dropped meanwhile. */
  body(product_id: number, head: SegmentHead): Promise<Buffer | null>;
  /** Late outcomes of records with these ids, both inclusive. */
  outcomesBetween(product_id: number, first_id: string, last_id: string): Promise<StoredOutcome[]>;
  /** Gaps that overlap the time, newest first. */
  gaps(product_id: number, from: Date | null, to: Date | null): Promise<StoredGap[]>;
  /** Topics below a level (`''` = all), by name after `after`. */
  topicsBelow(product_id: number, below: string, limit: number): Promise<TopicRow[]>;
  usage(product_id: number): Promise<ArchiveUsage>;
  /** Drops the oldest segments beyond age and bytes; how many. */
  trim(product_id: number, retention: Retention): Promise<number>;
  /** Drops days that no product keeps. */
  dropDaysBefore(day: Date): Promise<void>;
  /** Products of which there is something. */
  products(): Promise<number[]>;
  /** Everything of a product. */
  forget(product_id: number): Promise<void>;
}
