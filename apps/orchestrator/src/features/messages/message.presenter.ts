import { isUtf8 } from 'node:buffer';
import { identityOf } from '@cortex-mqtt/messages';
import { payloadText } from '../../http/payload-text';
import type { MessageDetailView, MessageGapView, MessageView } from './message.dto';
import type { StoredGap } from './store/message-store';
import type { StoredMessage } from './stored-message';

const PREVIEW_CHARS = 200;

/** What the caller may see, and the names that go with ids. */
export interface Reading {
  mayReadPayloads: boolean;
  names: ReadonlyMap<number, string>;
}

export function presentMessage(message: StoredMessage, { mayReadPayloads, names }: Reading): MessageView {
  return {
    id: message.id,
    topic: message.topic,
    received_at: message.received_at.toISOString(),
    size: message.payload_bytes,
    qos: message.qos,
    retain: message.retain,
    preview: mayReadPayloads ? previewOf(message.payload) : null,
    outcome: message.outcome,
    subscriptions: message.deliveries.map(({ subscription_id, outcome }) => ({
      id: subscription_id,
      name: names.get(subscription_id) ?? null,
      outcome,
    })),
  };
}

export function presentDetail(message: StoredMessage, reading: Reading): MessageDetailView {
  const { mayReadPayloads, names } = reading;
  const { properties, payload } = message;
  const text = mayReadPayloads ? payloadText(payload) : null;
  return {
    ...presentMessage(message, reading),
    duplicate: message.duplicate,
    broker: message.broker,
    identity: identityOf(message),
    payload_format: mayReadPayloads ? formatOf(text) : null,
    payload_text: text,
    payload_base64: mayReadPayloads ? payload.toString('base64') : null,
    payload_truncated: payload.length < message.payload_bytes,
    redacted: message.isRedacted,
    payload_readable: mayReadPayloads,
    user_properties: mayReadPayloads ? (properties?.user_properties ?? {}) : null,
    content_type: properties?.content_type ?? null,
    response_topic: properties?.response_topic ?? null,
    correlation_data_base64: mayReadPayloads ? (properties?.correlation_data?.toString('base64') ?? null) : null,
    message_expiry_s: properties?.message_expiry_s ?? null,
    deliveries: message.deliveries.map(({ subscription_id, outcome, error, attempts, queue_id }) => ({
      subscription_id,
      name: names.get(subscription_id) ?? null,
      outcome,
      error,
      // What a destination answers may repeat what it was sent.
      attempts: attempts.map((attempt) => (mayReadPayloads ? attempt : { ...attempt, response_excerpt: null })),
      delivery_id: outcome === 'dead' || outcome === 'waiting' ? queue_id : null,
    })),
  };
}

export const presentGap = ({ from_at, to_at, messages, reason }: StoredGap): MessageGapView => ({
  from: from_at.toISOString(),
  to: to_at.toISOString(),
  messages,
  reason,
});

/** The beginning, on one line; null when it isn't text. A character that the cut has split is left out. */
export function previewOf(payload: Buffer): string | null {
  const beginning = payload.subarray(0, PREVIEW_CHARS * 4);
  for (let back = 0; back <= 3; back += 1) {
    const whole = beginning.subarray(0, beginning.length - back);
    if (!isUtf8(whole)) continue;
    const text = whole.toString('utf8').replace(/\s+/g, ' ').trim();
    return [...text].slice(0, PREVIEW_CHARS).join('');
  }
  return null;
}

function formatOf(text: string | null): MessageDetailView['payload_format'] {
  if (text === null) return 'binary';
  try {
    JSON.parse(text);
    return 'json';
  } catch {
    // Text that is not JSON is text.
    return 'text';
  }
}
