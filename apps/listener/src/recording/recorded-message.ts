import { ownIdentity, parsedBytes } from '@cortex-mqtt/actions';
import type { RecordedDelivery, RecordedMessage, RecordedProperties } from '@cortex-mqtt/messages';
import type { PipelineMessage } from '../pipeline/pipeline-message';
import type { OpenRecord } from './open-record';
import { recordedDelivery } from './recorded-delivery';

/** What a redaction leaves of a message. */
export interface KeptContent {
  payload: Buffer;
  isRedacted: boolean;
  properties: RecordedProperties | null;
}

/** A record as it is written: what is known of its deliveries now. */
export function recordedMessage(
  record: OpenRecord,
  { kept, max_payload_bytes }: { kept: KeptContent; max_payload_bytes: number },
): RecordedMessage {
  const { message } = record;
  return {
    id: record.id,
    topic: message.topic,
    payload: kept.payload.length > max_payload_bytes ? kept.payload.subarray(0, max_payload_bytes) : kept.payload,
    // Of a redacted payload its own length, so that it does not pass for one that was cut off.
    payload_bytes: kept.isRedacted ? kept.payload.length : message.payload.length,
    isRedacted: kept.isRedacted,
    qos: message.qos,
    retain: message.retain,
    duplicate: message.duplicate,
    properties: kept.properties,
    identity: carriedIdentity(message),
    broker: message.broker ?? '',
    deliveries: [...record.deliveries.map(recordedDelivery), ...pausedDeliveries(record)],
  };
}

/** What the message brought; null when it brought none of it. */
export function propertiesOf({ properties }: PipelineMessage): RecordedProperties | null {
  const { user_properties, content_type, response_topic, correlation_data, message_expiry_s, payload_is_utf8 } =
    properties;
  const isPlain =
    content_type === null &&
    response_topic === null &&
    correlation_data === null &&
    message_expiry_s === null &&
    !payload_is_utf8 &&
    isEmpty(user_properties);
  return isPlain ? null : properties;
}

function pausedDeliveries({ paused }: OpenRecord): RecordedDelivery[] {
  return (paused ?? []).map((subscription_id) => ({
    subscription_id,
    outcome: 'paused',
    error: null,
    attempts: [],
    queue_id: null,
  }));
}

/** null: its deliveries are known by the id of the record. */
function carriedIdentity({ topic, payload, properties }: PipelineMessage): string | null {
  const source = { topic, user_properties: properties.user_properties, payload: () => parsedBytes(payload) };
  const identity = ownIdentity(source, properties.content_type, () => '');
  return identity.carried ? identity.message_id : null;
}

function isEmpty(value: object): boolean {
  for (const _name in value) return false;
  return true;
}
