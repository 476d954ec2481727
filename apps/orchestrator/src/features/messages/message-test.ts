import { createEnvelope, type ExpressionEngine, messageExtras } from '@cortex-mqtt/expressions';
import type { Outcome } from '@cortex-mqtt/messages';
import { topicMatches } from '@cortex-mqtt/mqtt';
import type { StoredMessage } from './stored-message';

/** What is looked for, beside times. */
export interface MessageWish {
  topic?: string;
  subscription_id?: number;
  outcome?: string[];
  text?: string;
  where?: string;
}

const NO_PROPERTIES = {
  user_properties: {},
  content_type: null,
  response_topic: null,
  correlation_data: null,
  message_expiry_s: null,
};

/** Whether a message is wanted; the cheap questions come first, and no promise where none is needed. */
export function messageTest(
  wish: MessageWish,
  { product_id, engine }: { product_id: number; engine: ExpressionEngine },
): (message: StoredMessage) => boolean | Promise<boolean> {
  const { topic, subscription_id, where } = wish;
  const outcomes = wish.outcome as Outcome[] | undefined;
  const text = wish.text?.toLowerCase();
  return (message) => {
    if (topic !== undefined && !topicMatches(topic, message.topic)) return false;
    const delivery =
      subscription_id === undefined
        ? undefined
        : message.deliveries.find((one) => one.subscription_id === subscription_id);
    if (subscription_id !== undefined && delivery === undefined) return false;
    if (outcomes !== undefined && !outcomes.includes(delivery?.outcome ?? message.outcome)) return false;
    if (text !== undefined && !contains(message, text)) return false;
    if (where === undefined) return true;
    return isTrueFor(message, { where, product_id, engine });
  };
}

function contains(message: StoredMessage, text: string): boolean {
  if (message.topic.toLowerCase().includes(text)) return true;
  return message.payload.toString('utf8').toLowerCase().includes(text);
}

/** An expression that fails on a message, as on one that isn't JSON, does not find it. */
async function isTrueFor(
  message: StoredMessage,
  { where, product_id, engine }: { where: string; product_id: number; engine: ExpressionEngine },
): Promise<boolean> {
  for (const format of ['json', 'text'] as const) {
    try {
      return await engine.test(where, envelopeOf(message, product_id, format));
    } catch (error) {
      const { name } = error as Error;
      if (name === 'PayloadDecodeError') continue;
      if (name === 'ExpressionError') return false;
      throw error;
    }
  }
  return false;
}

export function envelopeOf(message: StoredMessage, product_id: number, format: 'json' | 'text') {
  const { properties } = message;
  return createEnvelope(
    {
      id: message.id,
      product_id,
      subscription_id: 0,
      topic: message.topic,
      params: {},
      qos: message.qos,
      retain: message.retain,
      duplicate: message.duplicate,
      user_properties: properties?.user_properties ?? {},
      received_at: message.received_at.toISOString(),
      ...messageExtras({ broker: message.broker || null, properties: properties ?? NO_PROPERTIES }),
    },
    { bytes: message.payload, format },
  );
}
