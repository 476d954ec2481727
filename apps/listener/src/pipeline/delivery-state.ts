/**
 * The states of a delivery and the only ways between them:
 *
 * ```
 *            ┌────────────▶ laned ──┐       (others of its ordering key come first)
 *            │                ▼     │
 * new ───────┼────────────▶ waiting │       (no free place)
 *            │                ▼     │
 *            ├────────────▶ running ◀────────────┐   (and back to waiting, see below)
 *            │   ┌────────────┼───────────┐      │
 *            ▼   ▼            ▼           ▼      │
 *           dying           ended       paused ──┘  (next try)
 *            │                ▲           │
 *            └────────────────┘           ▼
 *             (dead letter)  laned, waiting ──▶ leaving ──▶ left   (the queue has it)
 * ```
 *
 * `ended` and `left` are final: nothing leads out of them, so a delivery ends once, whatever answers late.
 */
export type DeliveryPhase =
  /** Received, not admitted yet. */
  | 'new'
  /** Waits for those of its ordering key that came before it. */
  | 'laned'
  /** Waits for a free place. */
  | 'waiting'
  /** Its actions run. */
  | 'running'
  /** Waits for its next try in this process. */
  | 'paused'
  /** Is being given to the queue; nothing here may begin it meanwhile. */
  | 'leaving'
  /** Failed permanently and is being written as a dead letter. */
  | 'dying'
  /** Succeeded, became a dead letter, or was dropped. */
  | 'ended'
  /** The queue has it, and this process is done with it. */
  | 'left';

/** What the queue has of a delivery. */
export type JournalState =
  | 'none'
  /** On its way into the queue for the first time. */
  | 'writing'
  /** In the queue, under a lease of this process. */
  | 'leased'
  /** In the queue, and what stands there is just being replaced. */
  | 'rewriting'
  /** The queue refuses it for what is in it. */
  | 'refused';

const NEXT: Record<DeliveryPhase, readonly DeliveryPhase[]> = {
  new: ['running', 'waiting', 'laned', 'dying', 'ended'],
  laned: ['waiting', 'running', 'leaving'],
  waiting: ['running', 'leaving'],
  // Waiting: for a place for its next action, after it was sent with others.
  running: ['ended', 'paused', 'dying', 'waiting'],
  paused: ['running', 'waiting', 'left'],
  leaving: ['left', 'waiting'],
  dying: ['ended'],
  ended: [],
  left: [],
};

/** Whether a delivery may go from one phase to another. */
export function mayMove(from: DeliveryPhase, to: DeliveryPhase): boolean {
  return NEXT[from].includes(to);
}
