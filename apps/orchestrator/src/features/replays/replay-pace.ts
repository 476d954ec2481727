import type { ReplayEntity } from './replay.entity';

/** What a turn makes up for at most: of a pause, nothing. */
const MAX_STEP_MS = 2_000;

interface Share {
  at_ms: number;
  left: number;
  /** A time of the past up to which messages are due; null = the next message says where it begins. */
  clock_ms: number | null;
}

/** What of a replay is due: by its rate, and where it keeps the pace of the past, by when messages came. In this process only. */
export class ReplayPace {
  private readonly shares = new Map<string, Share>();

  /** Deliveries that the rate has let come together since the last turn. */
  turn({ id, rate_per_s, pace }: Pick<ReplayEntity, 'id' | 'rate_per_s' | 'pace'>): number {
    const now_ms = Date.now();
    const share = this.shares.get(id) ?? { at_ms: now_ms - 250, left: 0, clock_ms: null };
    const since_ms = Math.min(now_ms - share.at_ms, MAX_STEP_MS);
    share.at_ms = now_ms;
    share.left = Math.min(share.left + (since_ms / 1_000) * rate_per_s, Math.max(1, rate_per_s * 2));
    if (share.clock_ms !== null && pace !== null) share.clock_ms += since_ms * pace;
    this.shares.set(id, share);
    return share.left;
  }

  /** Whether a message of then is due. */
  isDue({ id, pace }: Pick<ReplayEntity, 'id' | 'pace'>, received_at: Date): boolean {
    const share = this.shares.get(id);
    if (pace === null || share === undefined) return true;
    // Silence before the first message is nobody's pace; after a crash it continues from the message that is next.
    share.clock_ms ??= received_at.getTime();
    return received_at.getTime() <= share.clock_ms;
  }

  used(id: string, count: number): void {
    const share = this.shares.get(id);
    if (share) share.left -= count;
  }

  forget(id: string): void {
    this.shares.delete(id);
  }
}
