/**
 * How a delivery of a message ended, or stands. `failed`: given up without a dead letter, as where no queue is configured;
 * `waiting`: not ended yet; `paused`: its subscription was disabled; `unmatched`: of a message without a delivery.
 */
export const OUTCOMES = ['succeeded', 'failed', 'dead', 'waiting', 'filtered', 'unmatched', 'paused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Worst first: what a person has to look at before the rest. */
const WORST_FIRST: readonly Outcome[] = ['dead', 'failed', 'waiting', 'paused', 'succeeded', 'filtered', 'unmatched'];

/** The outcome that stands for a message with these deliveries. */
export function worstOutcome(outcomes: readonly Outcome[]): Outcome {
  return WORST_FIRST.find((outcome) => outcomes.includes(outcome)) ?? 'unmatched';
}

export const outcomeCode = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);

/** Bit of an outcome in the set that a stored segment has. */
export const outcomeBit = (outcome: Outcome): number => 1 << outcomeCode(outcome);
