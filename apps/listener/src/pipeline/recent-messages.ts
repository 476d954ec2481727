import type { RecentMessage } from '@cortex-mqtt/contracts';
import type { PipelineMessage } from './pipeline-message';

export interface RecentMessages {
  /** Keeps the message, unless one was kept just before and enough are there: a sample, never a cost. */
  offer(message: PipelineMessage): void;
  /** Newest first. */
  list(): RecentMessage[];
}

/** The last `size` sampled messages, payloads cut at `payload_limit` bytes. */
export function createRecentMessages({ size = 20, payload_limit = 8_192, at_most_every_ms = 50 } = {}): RecentMessages {
  const ring: { message: Omit<RecentMessage, 'payload_base64' | 'received_at'>; bytes: Buffer; at_ms: number }[] = [];
  let next = 0;
  let kept_at_ms = 0;
  return {
    offer(message) {
      if (ring.length === size && message.received_at_ms - kept_at_ms < at_most_every_ms) return;
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
