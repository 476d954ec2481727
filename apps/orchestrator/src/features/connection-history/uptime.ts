/** The connection of a product came or went. */
export interface Transition {
  at: Date;
  connected: boolean;
}

export interface Uptime {
  connected_s: number;
  disconnected_s: number;
  unknown_s: number;
  uptime: number | null;
  interruptions: number;
}

/**
 * How long a product was connected between `from` and `to`. `transitions` are in order of time, with the last one before
 * `from` among them: it says how the window begins. What lies before the first one is unknown, and counts as neither.
 */
export function uptimeBetween(transitions: Transition[], from: Date, to: Date): Uptime {
  const start = from.getTime();
  const end = to.getTime();
  let connected_ms = 0;
  let disconnected_ms = 0;
  let interruptions = 0;
  let cursor = start;
  let state: boolean | null = null;
  const spend = (until: number): void => {
    const spent = Math.max(0, Math.min(until, end) - cursor);
    if (state === true) connected_ms += spent;
    if (state === false) disconnected_ms += spent;
    cursor += spent;
  };
  for (const { at, connected } of transitions) {
    if (at.getTime() >= end) break;
    spend(at.getTime());
    if (at.getTime() >= start && state === true && !connected) interruptions += 1;
    state = connected;
  }
  spend(end);
  const known_ms = connected_ms + disconnected_ms;
  return {
    connected_s: connected_ms / 1000,
    disconnected_s: disconnected_ms / 1000,
    unknown_s: (Math.max(0, end - start) - known_ms) / 1000,
    uptime: known_ms === 0 ? null : connected_ms / known_ms,
    interruptions,
  };
}
