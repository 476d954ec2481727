import type { RecentMessage } from '@cortex-mqtt/contracts';
import type { PipelineMessage } from './pipeline-message';

export interface RecentMessages {
  /** Keeps the message, unless one was kept just before and enough are there: a sample, never a cost. */
  offer(message: PipelineMessage): void;
  /** Newest first. */
  list(): RecentMessage[];
  /** The subscription is gone. */
  forget(): void;
}

/** What the samples of all subscriptions of a process may cost together. */
export interface SampleBudget {
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
  return {
    take(now_ms, bytes) {
      if (now_ms - window_began_ms >= window_ms) {
        window_began_ms = now_ms;
        taken = 0;
      }
      if (taken >= per_window || (bytes > 0 && kept_bytes + bytes > max_bytes)) return false;
      taken += 1;
      kept_bytes += bytes;
      return true;
    },
    give(bytes) {
      kept_bytes -= bytes;
    },
  };
}

/** The last `size` sampled messages, payloads cut at `payload_limit` bytes. */
export function createRecentMessages({
  budget,
  size = 20,
  payload_limit = 8_192,
  at_most_every_ms = 50,
}: {
  budget: SampleBudget;
  size?: number;
  payload_limit?: number;
  at_most_every_ms?: number;
}): RecentMessages {
  const ring: { message: Omit<RecentMessage, 'payload_base64' | 'received_at'>; bytes: Buffer; at_ms: number }[] = [];
  let next = 0;
  let kept_at_ms = 0;
  return {
    offer(message) {
      if (ring.length === size && message.received_at_ms - kept_at_ms < at_most_every_ms) return;
      const bytes = Math.min(message.payload.length, payload_limit);
      if (!budget.take(message.received_at_ms, bytes - (ring[next]?.bytes.length ?? 0))) return;
      kept_at_ms = message.received_at_ms;
      ring[next] = {
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
      next = (next + 1) % size;
    },
    forget() {
      for (const { bytes } of ring.splice(0)) budget.give(bytes.length);
      next = 0;
    },
    list: () =>
      [...ring]
        .sort((a, b) => b.at_ms - a.at_ms)
        .map(({ message, bytes, at_ms }) => ({
          ...message,
          payload_base64: bytes.toString('base64'),
          received_at: new Date(at_ms).toISOString(),
        })),
  };
}
