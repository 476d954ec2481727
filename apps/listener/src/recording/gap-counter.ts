import type { GapReason, RecordingGap } from '@cortex-mqtt/messages';

/** Counts messages that were left out, as one gap until it is told. */
export class GapCounter {
  private gap: RecordingGap | null = null;

  add(received_at_ms: number, reason: GapReason = 'buffer_full', messages = 1): void {
    if (this.gap === null) {
      this.gap = { from_ms: received_at_ms, to_ms: received_at_ms, messages, reason };
      return;
    }
    this.gap.from_ms = Math.min(this.gap.from_ms, received_at_ms);
    this.gap.to_ms = Math.max(this.gap.to_ms, received_at_ms);
    this.gap.messages = (this.gap.messages ?? 0) + messages;
  }

  /** What was counted since the last call. */
  take(): RecordingGap[] {
    const { gap } = this;
    this.gap = null;
    return gap === null ? [] : [gap];
  }
}
