import type { Delivery } from './delivery';
import type { MessageRecord, RecordedEvent } from './message-record';
import type { PipelineMessage } from './pipeline-message';

/**
 * Keeps what was received and what became of it. Everything here is called on the hot path, returns at once and never
 * throws; a message that can't be kept is counted as left out.
 */
export interface Recorder {
  /** A message with at least one delivery; null = nothing is recorded. */
  open(message: PipelineMessage): MessageRecord | null;
  /** A delivery of it, which is written with it as it stands by then. */
  join(record: MessageRecord, delivery: Delivery): void;
  /** Whether messages are acknowledged only once they are stored; `onStored` is then called once. */
  holdUntilStored(record: MessageRecord, onStored: () => void): boolean;
  /** A message that came back from the queue, or comes by a replay. */
  reopen(record_id: string, replay_id: string | null): MessageRecord;
  /** A message without a delivery. Whether it came for the record's sake. */
  unmatched(message: PipelineMessage): boolean;
  /** A delivery of a recorded message has ended, or is left to the queue. */
  ended(delivery: Delivery, event: RecordedEvent): void;
}
