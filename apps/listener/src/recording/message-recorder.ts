import type { ListenerArchive } from '@cortex-mqtt/contracts';
import {
  compressSegment,
  createMaker,
  encodeSegment,
  type LateOutcome,
  type RecordingGap,
  type Segment,
} from '@cortex-mqtt/messages';
import { createTopicIndex, type TopicIndex } from '@cortex-mqtt/mqtt';
import type { Logger } from '@cortex-mqtt/observability';
import type { Delivery } from '../pipeline/delivery';
import type { PipelineMessage } from '../pipeline/pipeline-message';
import type { MessageRecord, RecordedEvent } from '../pipeline/message-record';
import type { Recorder } from '../pipeline/recorder';
import { GapCounter } from './gap-counter';
import { ClosedRecord, OpenRecord } from './open-record';
import { outcomeOf, recordedDelivery } from './recorded-delivery';
import { type KeptContent, propertiesOf, recordedMessage } from './recorded-message';
import type { SegmentSender } from './segment-sender';

export interface RecorderLimits {
  /** A segment is closed with so many messages, so many bytes of payload and topic, or after this long. */
  segment_messages: number;
  segment_bytes: number;
  segment_ms: number;
  /** … when messages wait for it to be acknowledged. */
  before_ack_ms: number;
  /** Segments that are closed and not yet packed. */
  unpacked: number;
}

export const DEFAULT_RECORDER_LIMITS: RecorderLimits = {
  segment_messages: 500,
  segment_bytes: 1024 * 1024,
  segment_ms: 1_000,
  before_ack_ms: 20,
  unpacked: 4,
};

export interface MessageRecorderDeps {
  sender: SegmentSender;
  /** Takes out what must not be kept; without settings for it never called. */
  redact(message: PipelineMessage, archive: ListenerArchive): Promise<KeptContent>;
  /** Segments that nobody took, as gaps. */
  lost?(): RecordingGap[];
  logger: Logger;
  limits?: Partial<RecorderLimits>;
}

/** What is recorded of one revision. */
interface Plan {
  archive: ListenerArchive;
  paused: TopicIndex<number>;
  /** Filters of the scope `everything`. */
  wanted: TopicIndex<true>;
  /** Filters of the subscriptions: a copy that came only for the archive's sake is not kept beside the other. */
  subscribed: TopicIndex<true>;
}

/**
 * Gathers what is received into segments. On the hot path it keeps a reference to a message until its segment is closed;
 * encoding, compressing and sending come afterwards.
 */
export class MessageRecorder implements Recorder {
  private readonly limits: RecorderLimits;
  private readonly maker = createMaker();
  private readonly gap = new GapCounter();
  private plan: Plan | null = null;
  private records: OpenRecord[] = [];
  private outcomes: LateOutcome[] = [];
  private bytes = 0;
  private number = 0;
  private segment_number = 0;
  private timer: NodeJS.Timeout | null = null;
  private unpacked = 0;
  private packing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: MessageRecorderDeps) {
    this.limits = { ...DEFAULT_RECORDER_LIMITS, ...deps.limits };
  }

  /** null: nothing is recorded from now on. */
  use(archive: ListenerArchive | null, subscriptions: readonly { topic_filter: string }[]): void {
    if (!archive?.enabled) {
      this.plan = null;
      return;
    }
    const plan: Plan = {
      archive,
      paused: createTopicIndex<number>(),
      wanted: createTopicIndex<true>(),
      subscribed: createTopicIndex<true>(),
    };
    for (const { id, topic_filter } of archive.paused) plan.paused.add(topic_filter, id);
    for (const { topic_filter } of subscriptions) plan.subscribed.add(topic_filter, true);
    if (archive.scope === 'everything') for (const filter of archive.filters) plan.wanted.add(filter, true);
    this.plan = plan;
  }

  open(message: PipelineMessage): MessageRecord | null {
    const { plan } = this;
    if (plan === null) return null;
    const record = new OpenRecord(message, this.maker, this.number++);
    if (plan.archive.scope === 'dead') return record;
    if (plan.paused.size > 0) record.paused = plan.paused.match(message.topic);
    this.keep(record);
    return record;
  }

  join(record: MessageRecord, delivery: Delivery): void {
    if (record instanceof OpenRecord) record.deliveries.push(delivery);
  }

  holdUntilStored(record: MessageRecord, onStored: () => void): boolean {
    if (!(record instanceof OpenRecord) || !record.isKept || !this.plan?.archive.before_ack) return false;
    record.onStored ??= [];
    record.onStored.push(onStored);
    return true;
  }

  reopen(record_id: string, replay_id: string | null): MessageRecord {
    return new ClosedRecord(record_id, replay_id);
  }

  unmatched(message: PipelineMessage): boolean {
    const { plan } = this;
    if (plan === null || plan.archive.scope === 'dead') return false;
    const paused = plan.paused.size === 0 ? [] : plan.paused.match(message.topic);
    const isWanted = paused.length > 0 || (plan.wanted.size > 0 && plan.wanted.match(message.topic).length > 0);
    if (!isWanted) return false;
    // A copy of one that comes, or came, for a subscription as well.
    if (plan.subscribed.match(message.topic).length > 0) return true;
    const record = new OpenRecord(message, this.maker, this.number++);
    record.paused = paused;
    this.keep(record);
    return true;
  }

  ended(delivery: Delivery, event: RecordedEvent): void {
    const { record } = delivery;
    delivery.recorded_as = event;
    if (record === null) return;
    const isOnlyDead = this.plan?.archive.scope === 'dead';
    if (record instanceof OpenRecord) {
      if (!record.isKept) {
        if (isOnlyDead && event === 'dead') this.keep(record);
        return;
      }
    } else if (isOnlyDead && event === 'dead' && record.replay_id === null) {
      // It comes from the queue, and only now is known to be worth keeping.
      const found = new OpenRecord(delivery.message, this.maker, 0, record.id);
      found.deliveries.push(delivery);
      this.keep(found);
      return;
    }
    if (!record.isClosed) return;
    this.outcomes.push({
      ...recordedDelivery(delivery),
      outcome: outcomeOf(event),
      message_id: record.id,
      at_ms: Date.now(),
      replay_id: record.replay_id,
    });
    if (this.outcomes.length >= this.limits.segment_messages) this.close();
    else this.arm();
  }

  /** Closes what is open; resolves when it is in the sender's hands. */
  async flush(): Promise<void> {
    this.close();
    await this.packing;
  }

  private keep(record: OpenRecord): void {
    if (record.isKept) return;
    if (this.unpacked >= this.limits.unpacked || this.deps.sender.isFull) {
      this.gap.add(record.message.received_at_ms);
      this.arm();
      return;
    }
    record.isKept = true;
    this.records.push(record);
    this.bytes += record.message.payload.length + record.message.topic.length;
    if (this.records.length >= this.limits.segment_messages || this.bytes >= this.limits.segment_bytes) this.close();
    else this.arm();
  }

  private arm(): void {
    if (this.timer !== null) return;
    const { segment_ms, before_ack_ms } = this.limits;
    this.timer = setTimeout(() => this.close(), this.plan?.archive.before_ack ? before_ack_ms : segment_ms);
  }

  /** What is open becomes a segment. */
  private close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const { records, outcomes, plan } = this;
    const gaps = [...this.gap.take(), ...(this.deps.lost?.() ?? [])];
    if (records.length === 0 && outcomes.length === 0 && gaps.length === 0) return;
    this.records = [];
    this.outcomes = [];
    this.bytes = 0;
    this.unpacked += 1;
    this.packing = this.packing
      .then(() => this.pack({ records, outcomes, gaps }, plan?.archive ?? null))
      .finally(() => {
        this.unpacked -= 1;
      });
  }

  private async pack(
    { records, outcomes, gaps }: { records: OpenRecord[]; outcomes: LateOutcome[]; gaps: RecordingGap[] },
    archive: ListenerArchive | null,
  ): Promise<void> {
    const waiting = records.flatMap(({ onStored }) => onStored ?? []);
    try {
      const kept = await this.contents(records, archive);
      const max_payload_bytes = archive?.max_payload_bytes ?? 0;
      const segment: Segment = {
        id: `${this.maker}-${(this.segment_number++).toString(36)}`,
        messages: records.map((record, index) => {
          // From here on its ends are outcomes of their own.
          record.isClosed = true;
          return recordedMessage(record, { kept: kept[index] as KeptContent, max_payload_bytes });
        }),
        outcomes,
        gaps,
      };
      const bytes = await compressSegment(encodeSegment(segment));
      const [first, last] = [records[0], records.at(-1)];
      this.deps.sender.send({
        id: segment.id,
        bytes,
        messages: records.length,
        from_ms: first?.message.received_at_ms ?? Date.now(),
        to_ms: last?.message.received_at_ms ?? Date.now(),
        onStored: () => {
          for (const stored of waiting) stored();
        },
      });
    } catch (error) {
      this.deps.logger.error('messages could not be recorded', { messages: records.length, error });
      for (const record of records) {
        record.isClosed = true;
        this.gap.add(record.message.received_at_ms);
      }
      for (const stored of waiting) stored();
    }
  }

  private async contents(records: OpenRecord[], archive: ListenerArchive | null): Promise<KeptContent[]> {
    if (!archive?.redact) {
      return records.map(({ message }) => ({
        payload: message.payload,
        isRedacted: false,
        properties: propertiesOf(message),
      }));
    }
    const kept: KeptContent[] = [];
    for (const { message } of records) kept.push(await this.deps.redact(message, archive));
    return kept;
  }
}
