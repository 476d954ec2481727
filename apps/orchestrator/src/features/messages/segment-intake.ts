import {
  decodeSegment,
  expandSegment,
  type LateOutcome,
  type Outcome,
  outcomeBit,
  RECORD_ID_PATTERN,
  type RecordingGap,
  type Segment,
  SegmentFormatError,
  worstOutcome,
} from '@cortex-mqtt/messages';
import type { Logger } from '@cortex-mqtt/observability';
import { ValidationError } from '../../http/app-error';
import type { DataKeys } from './data-keys';
import { SealedContent } from './sealed-content';
import type { MessageStore, NewSegment, StoredGap } from './store/message-store';
import type { TopicTally } from './topic-tally';

/** Bytes of a packed segment; a listener closes one at 1 MB of payloads. */
export const MAX_PACKED_BYTES = 16 * 1024 * 1024;
const SEGMENT_ID = /^[0-9a-z-]{1,60}$/;

/** How much of its messages a product keeps. */
export interface ArchiveBounds {
  enabled: boolean;
  max_age_days: number;
  max_bytes: number;
}

export interface SegmentIntakeDeps {
  store: MessageStore;
  keys: DataKeys;
  tally: TopicTally;
  boundsOf(product_id: number): Promise<ArchiveBounds>;
  /** Ends of deliveries of a replay, whether messages are kept or not. Gives the replays of messages of the product's own. */
  onReplayed(product_id: number, outcomes: LateOutcome[]): Promise<ReadonlySet<string>>;
  logger: Logger;
}

/** Takes segments from listeners: each is stored once, however often it comes. */
export class SegmentIntake {
  constructor(private readonly deps: SegmentIntakeDeps) {}

  async take(product_id: number, packed: Buffer): Promise<void> {
    const { store, keys, tally } = this.deps;
    const segment = await read(packed);
    const replayed = segment.outcomes.filter(({ replay_id }) => replay_id !== null);
    const own = replayed.length > 0 ? await this.deps.onReplayed(product_id, replayed) : NONE;
    const bounds = await this.deps.boundsOf(product_id);
    if (!bounds.enabled) return;
    const content = new SealedContent(product_id, await keys.keyOf(product_id));
    const gaps = segment.gaps.map(storedGap);
    if (segment.messages.length === 0) {
      await store.addGaps(product_id, segment.id, gaps);
    } else {
      const body = content.sealSegment(segment.id, packed);
      const isNew = await store.addSegment(newSegment(product_id, segment, body), gaps);
      if (isNew) await tally.add(product_id, segment.messages);
    }
    // After the messages: an outcome marks the segment that its message is in.
    await this.addOutcomes(
      product_id,
      segment.outcomes.filter(({ replay_id, outcome }) => replay_id === null || (own.has(replay_id) && isEnd(outcome))),
    );
    if (segment.messages.length > 0) await this.keepBound(product_id, bounds);
  }

  /** Outcomes that came after their messages. */
  async addOutcomes(product_id: number, outcomes: readonly LateOutcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const content = new SealedContent(product_id, await this.deps.keys.keyOf(product_id));
    await this.deps.store.addOutcomes(
      product_id,
      outcomes.map((outcome) => ({
        message_id: outcome.message_id,
        subscription_id: outcome.subscription_id,
        outcome: outcome.outcome,
        at: new Date(outcome.at_ms),
        body: content.sealOutcome(outcome.message_id, outcome),
      })),
    );
  }

  /** The archive never grows beyond its bytes for longer than one segment takes. */
  private async keepBound(product_id: number, { max_age_days, max_bytes }: ArchiveBounds): Promise<void> {
    const { stored_bytes } = await this.deps.store.usage(product_id);
    if (stored_bytes > max_bytes) await this.deps.store.trim(product_id, { max_age_days, max_bytes });
  }
}

const NONE: ReadonlySet<string> = new Set();

/** What a replay changes: what has got through now, or died. One that its filter turned down is what it was before. */
const isEnd = (outcome: Outcome): boolean => outcome === 'succeeded' || outcome === 'dead' || outcome === 'failed';

async function read(packed: Buffer): Promise<Segment> {
  try {
    const segment = decodeSegment(await expandSegment(packed));
    const isSound =
      SEGMENT_ID.test(segment.id) &&
      segment.messages.every(({ id }) => RECORD_ID_PATTERN.test(id)) &&
      segment.outcomes.every(({ message_id }) => RECORD_ID_PATTERN.test(message_id));
    if (!isSound) throw new SegmentFormatError('an id is not one');
    return segment;
  } catch (error) {
    if (!(error instanceof SegmentFormatError)) throw error;
    throw new ValidationError([{ field: '', message: error.message }]);
  }
}

function newSegment(product_id: number, { id, messages }: Segment, body: Buffer): NewSegment {
  const topics = new Set<string>();
  const subscription_ids = new Set<number>();
  let outcomes = 0;
  let payload_bytes = 0;
  let first_id = messages[0]?.id ?? '';
  let last_id = first_id;
  for (const message of messages) {
    if (message.id < first_id) first_id = message.id;
    if (message.id > last_id) last_id = message.id;
    topics.add(message.topic);
    payload_bytes += message.payload_bytes;
    for (const delivery of message.deliveries) {
      subscription_ids.add(delivery.subscription_id);
      outcomes |= outcomeBit(delivery.outcome);
    }
    outcomes |= outcomeBit(worstOutcome(message.deliveries.map(({ outcome }) => outcome)));
  }
  return {
    product_id,
    id,
    first_id,
    last_id,
    messages: messages.length,
    payload_bytes,
    outcomes,
    subscription_ids: [...subscription_ids],
    // What PostgreSQL's text can't hold; such a topic is found by looking into the segments.
    topics: [...topics].filter((topic) => !topic.includes('\0')),
    body,
  };
}

const storedGap = ({ from_ms, to_ms, messages, reason }: RecordingGap): StoredGap => ({
  from_at: new Date(Math.min(from_ms, 8.64e15)),
  to_at: new Date(Math.min(to_ms, 8.64e15)),
  messages,
  reason,
});
