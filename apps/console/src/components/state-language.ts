import { texts } from '../texts';

/** Five tones carry every state of the console; each has its colour and its icon. */
export type Tone = 'ok' | 'warn' | 'bad' | 'busy' | 'off';

export type AnyState = keyof typeof texts.state;

const TONES: { [S in AnyState]: Tone } = {
  connected: 'ok',
  degraded: 'warn',
  disconnected: 'bad',
  connecting: 'busy',
  no_listener: 'off',
  stale: 'bad',
  starting: 'busy',
  unconfigured: 'off',
  standby: 'ok',
  stopped: 'off',
  paused: 'off',
  unknown: 'off',
};

/** What needs a person comes first. */
const SEVERITY: { [T in Tone]: number } = { bad: 0, warn: 1, busy: 2, off: 3, ok: 4 };

export function asState(state: string | null | undefined): AnyState {
  return state && Object.hasOwn(TONES, state) ? (state as AnyState) : 'unknown';
}

export const toneOf = (state: AnyState): Tone => TONES[state];
/** Somebody paused it on purpose: it comes after everything that runs. */
export const severityOf = (state: AnyState): number => (state === 'paused' ? 5 : SEVERITY[TONES[state]]);
