import type { RecordedMessage } from '@cortex-mqtt/messages';
import { receivedAtOf } from '@cortex-mqtt/messages';
import type { MessageStore, TopicCount } from './store/message-store';

/** Bytes of the newest payload that a topic shows. */
const VALUE_BYTES = 1_024;
const MAX_TOPICS = 50_000;
const BATCH = 2_000;

interface Count extends Omit<TopicCount, 'last_value'> {
  value: Buffer;
}

/** Counts what came on each topic, and writes it now and then: newest values need no write a message. */
export class TopicTally {
  private counts = new Map<string, Count>();
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly deps: {
      store: MessageStore;
      seal(product_id: number, topic: string, value: Buffer): Promise<Buffer>;
    },
  ) {}

  async add(product_id: number, messages: readonly RecordedMessage[]): Promise<void> {
    for (const { id, topic, payload, payload_bytes } of messages) {
      const key = `${product_id}\n${topic}`;
      const at = new Date(receivedAtOf(id));
      const known = this.counts.get(key);
      if (known === undefined) {
        this.counts.set(key, {
          product_id,
          topic,
          messages: 1,
          bytes: payload_bytes,
          first_at: at,
          last_at: at,
          // A copy: the payload is a view on its whole segment.
          value: Buffer.from(payload.subarray(0, VALUE_BYTES)),
          last_bytes: payload_bytes,
        });
        continue;
      }
      known.messages += 1;
      known.bytes += payload_bytes;
      if (at < known.last_at) continue;
      known.last_at = at;
      known.value = Buffer.from(payload.subarray(0, VALUE_BYTES));
      known.last_bytes = payload_bytes;
    }
    if (this.counts.size > MAX_TOPICS) await this.flush();
  }

  /** Writes what was counted. What can't be written is counted on. */
  flush(): Promise<void> {
    const written = this.writing.then(() => this.write());
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async write(): Promise<void> {
    const counts = [...this.counts.values()];
    this.counts = new Map();
    for (let start = 0; start < counts.length; start += BATCH) {
      const batch = counts.slice(start, start + BATCH);
      await this.deps.store.countTopics(
        await Promise.all(
          batch.map(async ({ value, ...count }) => ({
            ...count,
            last_value: await this.deps.seal(count.product_id, count.topic, value),
          })),
        ),
      );
    }
  }
}
