/** How a delivery has ended, or where it went, as a recorder hears of it. */
export type RecordedEvent = 'succeeded' | 'failed' | 'queued' | 'dead' | 'filtered';

/** A message under record. */
export interface MessageRecord {
  /** Under which the message is found. */
  readonly id: string;
  /** Written: what comes later is told as an outcome of its own. */
  readonly isClosed: boolean;
  /** Of a replay: which one. */
  readonly replay_id: string | null;
}
