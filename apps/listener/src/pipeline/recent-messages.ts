import type { RecentMessage } from '@cortex-mqtt/contracts';
import type { PipelineMessage } from './pipeline-message';

/** What the samples of all subscriptions of a process may cost together. */
export interface SampleBudget {
  /** Whether `take` may say yes. Asked before a subscription is looked at, of which there may be ten thousand. */
  isOpen(now_ms: number): boolean;
  /** Whether one more message may be copied now, `bytes` more than before being kept. */
  take(now_ms: number, bytes: number): boolean;
  /** Bytes that are kept no longer. */
  give(bytes: number): void;
}

/** At most `per_window` copies in `window_ms`, and `max_bytes` kept in all: ten thousand subscriptions cost what ten do. */
export function createSampleBudget({
  per_window = 20,
  window_ms = 50,
  max_bytes = 16 * 1024 * 1024,
} = {}): SampleBudget {
  let window_began_ms = Number.NEGATIVE_INFINITY;
  let taken = 0;
  let kept_bytes = 0;
  const isOpen = (now_ms: number): boolean => {
    if (now_ms - window_began_ms >= window_ms) {
      window_began_ms = now_ms;
      taken = 0;
    }
    return taken < per_window;
  };
  return {
    isOpen,
    take(now_ms, bytes) {
      if (!isOpen(now_ms) || (bytes > 0 && kept_bytes + bytes > max_bytes)) return false;
      taken += 1;
      kept_bytes += bytes;
      return true;
    },
    give(bytes) {
      kept_bytes -= bytes;
    },
  };
}

interface Sample {
  message: Omit<RecentMessage, 'payload_base64' | 'received_at'>;
  bytes: Buffer;
  at_ms: number;
}

/** The last `size` sampled messages of a subscription, payloads cut at `payload_limit` bytes. */
export class RecentMessages {
  private readonly samples: Sample[] = [];
  private next = 0;
  private kept_at_ms = 0;
  private readonly options: { budget: SampleBudget; size: number; payload_limit: number; at_most_every_ms: number };

  constructor(options: { budget: SampleBudget; size?: number; payload_limit?: number; at_most_every_ms?: number }) {
    this.options = { size: 20, payload_limit: 8_192, at_most_every_ms: 50, ...options };
  }

  /** Keeps the message, unless one was kept just before and enough are there: a sample, never a cost. */
  offer(message: PipelineMessage): void {
    const { budget, size, payload_limit, at_most_every_ms } = this.options;
    const { samples, next } = this;
    if (samples.length === size && message.received_at_ms - this.kept_at_ms < at_most_every_ms) return;
    const bytes = Math.min(message.payload.length, payload_limit);
    if (!budget.take(message.received_at_ms, bytes - (samples[next]?.bytes.length ?? 0))) return;
    this.kept_at_ms = message.received_at_ms;
    samples[next] = {
      message: {
        topic: message.topic,
        payload_truncated: message.payload.length > payload_limit,
        payload_bytes: message.payload.length,
        qos: message.qos,
        retain: message.retain,
        user_properties: message.properties.user_properties,
        content_type: message.properties.content_type,
      },
      // A copy: the payload is a view into the network buffer, which would stay with it.
      bytes: Buffer.from(message.payload.subarray(0, payload_limit)),
      at_ms: message.received_at_ms,
    };
    this.next = (next + 1) % size;
  }

  /** The subscription is gone. */
  forget(): void {
    for (const { bytes } of this.samples.splice(0)) this.options.budget.give(bytes.length);
    this.next = 0;
  }

  /** Newest first. */
  list(): RecentMessage[] {
    return [...this.samples]
      .sort((a, b) => b.at_ms - a.at_ms)
      .map(({ message, bytes, at_ms }) => ({
        ...message,
        payload_base64: bytes.toString('base64'),
        received_at: new Date(at_ms).toISOString(),
      }));
  }
}
