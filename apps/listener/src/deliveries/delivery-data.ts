import type { DeliveryJobData } from '@cortex-mqtt/contracts';
import { payloadOf, storePayload } from '@cortex-mqtt/queues';
import { ACTION_SUCCEEDED, ACTION_TO_DO, type Delivery } from '../pipeline/delivery';
import type { PipelineMessage } from '../pipeline/pipeline-message';

/** A delivery as it is written into the queue: message, ids and what has been tried; never configuration or secrets. */
export function toJobData(
  delivery: Delivery,
  ids: { product_id: number; delivery_id: string },
  next_try_at_ms: number | null,
): DeliveryJobData {
  const { message, subscription } = delivery;
  const { actions } = subscription;
  const attempts_made: Record<string, number> = {};
  actions.forEach((action, index) => {
    const made = delivery.attempts_made?.[index] ?? 0;
    if (made > 0) attempts_made[action.id] = made;
  });
  return {
    delivery_id: ids.delivery_id,
    product_id: ids.product_id,
    subscription_id: subscription.definition.id,
    message: {
      message_id: delivery.message_id,
      topic: message.topic,
      ...storePayload(message.payload),
      qos: message.qos,
      retain: message.retain,
      duplicate: message.duplicate,
      user_properties: message.properties.user_properties,
      content_type: message.properties.content_type,
      received_at: new Date(message.received_at_ms).toISOString(),
      response_topic: message.properties.response_topic,
      correlation_data_base64: message.properties.correlation_data?.toString('base64') ?? null,
      message_expiry_s: message.properties.message_expiry_s,
      payload_is_utf8: message.properties.payload_is_utf8,
      broker: message.broker,
      record_id: delivery.record?.id ?? null,
    },
    succeeded_actions: actions
      .filter((_action, index) => delivery.states[index] === ACTION_SUCCEEDED)
      .map(({ id }) => id),
    failed_actions: delivery.failures ?? [],
    revision: subscription.revision,
    attempts_made,
    attempts: delivery.attempts ?? [],
    next_try_at: next_try_at_ms === null ? null : new Date(next_try_at_ms).toISOString(),
    deferral: delivery.deferral,
    dead_reason: delivery.dead_reason,
    ordering: delivery.ordering_key === null ? null : { key: delivery.ordering_key, sequence: delivery.sequence },
    revived_at_ms: null,
    trace: delivery.trace?.traceparent ?? null,
  };
}

/** The message of a job, for another run. Nothing hangs on its acknowledgement any more. */
export function toMessage(data: DeliveryJobData): PipelineMessage {
  const { message } = data;
  return {
    topic: message.topic,
    payload: payloadOf(message),
    qos: message.qos,
    retain: message.retain,
    duplicate: message.duplicate,
    properties: {
      user_properties: message.user_properties,
      content_type: message.content_type,
      response_topic: message.response_topic ?? null,
      correlation_data: message.correlation_data_base64 ? Buffer.from(message.correlation_data_base64, 'base64') : null,
      message_expiry_s: message.message_expiry_s ?? null,
      payload_is_utf8: message.payload_is_utf8 ?? false,
    },
    broker: message.broker ?? null,
    replay: data.replay ? { id: data.replay.id, received_at: data.replay.received_at } : null,
    received_at_ms: Date.parse(message.received_at),
    settle: () => undefined,
  };
}

/** Brings back what was tried before. An action that is not there any more is simply not run. */
export function restoreProgress(delivery: Delivery, data: DeliveryJobData): void {
  const succeeded = new Set(data.succeeded_actions);
  delivery.attempts_made = [];
  delivery.subscription.actions.forEach((action, index) => {
    delivery.states[index] = succeeded.has(action.id) ? ACTION_SUCCEEDED : ACTION_TO_DO;
    (delivery.attempts_made as number[])[index] = data.attempts_made[action.id] ?? 0;
  });
  // A fault that was permanent is not retried with the retries of the others.
  for (const failure of data.failed_actions) {
    const index = delivery.subscription.actions.findIndex((action) => action.id === failure.action_id);
    if (index < 0) continue;
    delivery.giveUp(index, failure);
  }
  delivery.attempts = [...data.attempts];
  delivery.deferral = data.deferral ?? null;
}
