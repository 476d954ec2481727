import type { ConnectionEvent } from '../../api/types';

/** A run of attempts that failed alike stands as one entry: the newest, with how many there were and when they began. */
export interface FoldedEvent {
  event: ConnectionEvent;
  /** 1 for an event that stands for itself. */
  count: number;
  /** When the first of them happened. */
  since: string;
}

/** @param events newest first. */
export function foldAttempts(events: ConnectionEvent[]): FoldedEvent[] {
  const folded: FoldedEvent[] = [];
  for (const event of events) {
    const last = folded.at(-1);
    if (last && isSameFailure(last.event, event)) {
      last.count += 1;
      last.since = event.at;
    } else folded.push({ event, count: 1, since: event.at });
  }
  return folded;
}

const isSameFailure = (a: ConnectionEvent, b: ConnectionEvent): boolean =>
  a.type === 'connect_failed' &&
  b.type === 'connect_failed' &&
  a.broker === b.broker &&
  a.instance_id === b.instance_id &&
  a.detail.cause === b.detail.cause;
