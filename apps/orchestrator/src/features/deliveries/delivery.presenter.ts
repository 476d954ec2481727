import type { DeliveryDetail, DeliverySummary } from '@cortex-mqtt/queues';
import { payloadText } from '../../http/payload-text';
import type { DeliveryDetailView, DeliveryStateName, DeliveryView, OperationView } from './delivery.dto';
import type { OperationEntity } from './operation.entity';

/** `names` are those of the subscriptions that are still there. */
export function presentDelivery(delivery: DeliverySummary, names: Map<number, string>): DeliveryView {
  return {
    id: delivery.id,
    delivery_id: delivery.delivery_id,
    product_id: delivery.product_id,
    subscription_id: delivery.subscription_id,
    subscription_name: names.get(delivery.subscription_id) ?? null,
    state: stateOf(delivery),
    topic: delivery.topic,
    message_id: delivery.message_id,
    received_at: delivery.received_at,
    queued_at: delivery.queued_at,
    died_at: delivery.died_at,
    next_try_at: delivery.next_try_at,
    error: delivery.error,
    attempts_made: delivery.attempts_made,
    payload_bytes: delivery.payload_bytes,
    deferral: delivery.deferral,
  };
}

export function presentDeliveryDetail(delivery: DeliveryDetail, names: Map<number, string>): DeliveryDetailView {
  return {
    ...presentDelivery(delivery, names),
    payload_base64: delivery.payload_base64,
    payload_text: payloadText(Buffer.from(delivery.payload_base64, 'base64')),
    qos: delivery.qos,
    retain: delivery.retain,
    user_properties: delivery.user_properties,
    content_type: delivery.content_type,
    succeeded_actions: delivery.succeeded_actions,
    failed_actions: delivery.failed_actions,
    attempts: delivery.attempts,
  };
}

export function presentOperation(operation: OperationEntity): OperationView {
  return {
    id: operation.id,
    product_id: operation.product_id,
    kind: operation.kind,
    state: operation.state,
    filter: operation.filter,
    total: operation.total,
    done: operation.done,
    failed: operation.failed,
    error: operation.error,
    failures: operation.failures,
    requested_by: operation.requested_by,
    created_at: operation.created_at.toISOString(),
    finished_at: operation.finished_at?.toISOString() ?? null,
  };
}

/** A waiting one without a time for its next try is leased: a listener is at it. */
function stateOf(delivery: DeliverySummary): DeliveryStateName {
  switch (delivery.state) {
    case 'dead':
      return 'dead';
    case 'active':
      return 'in_flight';
    case 'waiting':
      return delivery.next_try_at === null ? 'in_flight' : 'retrying';
  }
}
