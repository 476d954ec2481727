import type { RuleLimits } from './alert-rule';
import { type AlertState, isActive, nextState } from './next-state';

/** One value of the past. */
export interface PastValue {
  at_ms: number;
  value: number | null;
}

export interface Episode {
  began_ms: number;
  /** null: it still fires at the end. */
  ended_ms: number | null;
  /** The value that is furthest out. */
  peak: number | null;
}

/** When a rule would have fired over what is on record, by the very steps that it takes live. */
export function previewRule(limits: RuleLimits, values: readonly PastValue[]): Episode[] {
  const episodes: Episode[] = [];
  let state: AlertState | null = null;
  let current: Episode | null = null;
  for (const { at_ms, value } of values) {
    state = nextState(limits, state, value, at_ms);
    if (isActive(state)) {
      current ??= { began_ms: at_ms, ended_ms: null, peak: value };
      if (value !== null && (current.peak === null || Math.abs(value) > Math.abs(current.peak))) current.peak = value;
      if (episodes.at(-1) !== current) episodes.push(current);
    } else if (current !== null) {
      current.ended_ms = at_ms;
      current = null;
    }
  }
  return episodes;
}

/** Seconds within episodes, up to `until_ms`. */
export function firingSeconds(episodes: readonly Episode[], until_ms: number): number {
  return episodes.reduce((sum, { began_ms, ended_ms }) => sum + ((ended_ms ?? until_ms) - began_ms) / 1000, 0);
}
