import type { ConnectionEvent } from '../../api/types';

/** Each event once, newest first: pages overlap when new events move the older ones on. */
export function mergeEvents(events: ConnectionEvent[]): ConnectionEvent[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => b.id - a.id);
}
