import type { Logger } from '@cortex-mqtt/observability';
import type { DiscardedMessage } from '../session/acknowledgement/receiver-session';

/** A line of the log for each of the first, then one a minute. */
const LOG_EVERY_MS = 60_000;

/** Messages that were larger than they may be: acknowledged, counted, named, and gone. */
export class DiscardedMessages {
  count = 0;
  private latest: (DiscardedMessage & { at: string }) | null = null;
  private logged_at_ms = 0;

  constructor(private readonly deps: { max_payload_bytes: number; logger: Logger; onChange: () => void }) {}

  note(message: DiscardedMessage): void {
    this.count += 1;
    this.latest = { ...message, at: new Date().toISOString() };
    if (this.count === 1) this.deps.onChange();
    if (Date.now() - this.logged_at_ms < LOG_EVERY_MS) return;
    this.logged_at_ms = Date.now();
    this.deps.logger.error('a message was larger than MAX_PAYLOAD_BYTES and was discarded', {
      ...message,
      max_payload_bytes: this.deps.max_payload_bytes,
      discarded: this.count,
    });
  }

  warnings(): { code: string; message: string }[] {
    const { count, latest } = this;
    if (latest === null) return [];
    const { max_payload_bytes } = this.deps;
    return [
      {
        code: 'MESSAGE_TOO_LARGE',
        message: `${count} messages of more than ${max_payload_bytes} bytes were discarded since the listener started, the last of ${latest.bytes} bytes on "${latest.topic.slice(0, 200)}" at ${latest.at}. Raise MAX_PAYLOAD_BYTES of the listener to take them.`,
      },
    ];
  }
}
