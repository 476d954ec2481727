import type { AnyAction, DryRunMessage } from '@cortex-mqtt/actions';
import type { ListenerSubscription, PayloadFormat } from '@cortex-mqtt/contracts';
import type { StoredMessage } from '../messages/stored-message';

/** A recorded message as a dry run takes it. */
export function sampleOf(message: StoredMessage): DryRunMessage {
  const { topic, payload, qos, retain, duplicate, properties, received_at, broker } = message;
  return {
    topic,
    payload_base64: payload.toString('base64'),
    qos,
    retain,
    duplicate,
    user_properties: properties?.user_properties ?? {},
    content_type: properties?.content_type ?? null,
    received_at: received_at.toISOString(),
    response_topic: properties?.response_topic ?? null,
    correlation_data_base64: properties?.correlation_data?.toString('base64') ?? null,
    message_expiry_s: properties?.message_expiry_s ?? null,
    broker: broker || null,
  };
}

/** What a replay to another webhook runs: one action, no subscription of the product. */
export function webhookSubscription(url: string): ListenerSubscription {
  const action: AnyAction = { id: 'replay', type: 'webhook', enabled: true, url };
  return {
    ...{ id: 0, name: 'webhook', topic: '#', topic_filter: '#', wildcard_names: [], qos: 1, payload_format: 'json' },
    ...{ filter: null, message_key: null, concurrency: null, ordering: 'none' },
    actions: [action],
  };
}

/** No subscription says what the payloads are: each is what it can be read as. */
export function formatOf(payload: Buffer): PayloadFormat {
  const text = payload.toString('utf8');
  if (!Buffer.from(text).equals(payload)) return 'binary';
  try {
    JSON.parse(text);
    return 'json';
  } catch {
    // A text then.
    return 'text';
  }
}

/** Of a subscription that says what payloads are, itself; else as this one is. */
export function fitting(subscription: ListenerSubscription, message: StoredMessage): ListenerSubscription {
  return subscription.id === 0 && subscription.name === 'webhook'
    ? { ...subscription, payload_format: formatOf(message.payload) }
    : subscription;
}
