import type { Redactor } from './redactor';
import { createRotatingFile, type RotatingFileOptions } from './rotating-file';

export const EVENT_OUTCOMES = ['succeeded', 'failed', 'filtered', 'queued', 'dead', 'unmatched', 'duplicate'] as const;
/** What became of one message in one subscription. */
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

/** One line of the event log. Payloads are not in it. */
export interface EventRecord {
  message_id: string;
  product_id: number;
  /** null when no subscription matched. */
  subscription_id: number | null;
  topic: string;
  outcome: EventOutcome;
  /** From receipt to outcome, milliseconds. */
  duration_ms: number;
  error?: unknown;
  [field: string]: unknown;
}

/** A line a message (`MQTT_EVENT_LOG`), for those who want to see every one. */
export interface EventLog {
  /** Returns at once; never throws. */
  record(event: EventRecord): void;
  close(): Promise<void>;
}

export function createEventLog(options: RotatingFileOptions & { redactor: Redactor }): EventLog {
  const file = createRotatingFile(options);
  return {
    record(event) {
      const fields = options.redactor.redact(event);
      file.write(JSON.stringify(Object.assign({ time: new Date().toISOString() }, fields)));
    },
    close: () => file.close(),
  };
}
