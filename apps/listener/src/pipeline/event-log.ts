import type { Delivery } from './delivery';

export type DeliveryEvent = 'succeeded' | 'failed' | 'queued' | 'dead';

/** A line for each message and outcome. */
export type EventLog = (delivery: Delivery, event: DeliveryEvent) => void;

/** Writes the lines with `write`; no payload and no secret is in them. */
export function createEventLog(write: (line: Record<string, unknown>) => void): EventLog {
  return (delivery, event) => {
    write({
      event,
      message_id: delivery.message_id,
      subscription_id: delivery.runtime.id,
      topic: delivery.message.topic,
      qos: delivery.message.qos,
      bytes: delivery.message.payload.length,
      received_at: new Date(delivery.message.received_at_ms).toISOString(),
      latency_ms: Date.now() - delivery.message.received_at_ms,
      runs: delivery.runs,
      trace_id: delivery.trace?.trace_id,
      reason: delivery.dead_reason ?? undefined,
    });
  };
}
