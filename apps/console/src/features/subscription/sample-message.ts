import { matchParams } from '../../../../../libs/mqtt/src/topic-filter';
import { resolveTopicFilter } from '../../../../../libs/mqtt/src/topic-template';
import type { MessageDetail, PayloadFormat, QoS, SampleMessage } from '../../api/types';

/** The message that expressions and the dry run work on, as it is typed. */
export interface Sample {
  topic: string;
  /** Text of the payload; base64 when the payload is binary. */
  payload: string;
  qos: QoS;
  retain: boolean;
  content_type: string;
  user_properties: Record<string, string | string[]>;
  received_at: string;
}

/** The envelope an expression sees; `payload_fault` says why there is no payload. */
export interface SampleEnvelope {
  envelope: Record<string, unknown>;
  matches: boolean;
  payload_fault: string | null;
}

export interface ResolvedFilter {
  topic_filter: string;
  wildcard_names: (string | null)[];
}

/** The filter of a draft; null while it has faults. */
export function resolvedFilter(template: Parameters<typeof resolveTopicFilter>[0]): ResolvedFilter | null {
  const resolved = resolveTopicFilter(template);
  return resolved.ok ? resolved : null;
}

/** A topic that the filter matches: named wildcards become their name, so that one sees where `params` come from. */
export function exampleTopic({ topic_filter, wildcard_names }: ResolvedFilter): string {
  let wildcard = 0;
  return topic_filter
    .split('/')
    .map((level) => {
      if (level === '#') return 'example';
      if (level !== '+') return level;
      const name = wildcard_names[wildcard];
      wildcard += 1;
      return name ? `${name}-1` : 'any';
    })
    .join('/');
}

export function newSample(filter: ResolvedFilter | null, now: Date): Sample {
  return {
    topic: filter ? exampleTopic(filter) : '',
    payload: '{\n  "value": 42\n}',
    qos: 1,
    retain: false,
    content_type: '',
    user_properties: {},
    received_at: now.toISOString(),
  };
}

export function envelopeOf(
  sample: Sample,
  context: { productId: number; subscriptionId: number; format: PayloadFormat; filter: ResolvedFilter | null },
): SampleEnvelope {
  const params = context.filter
    ? matchParams(context.filter.topic_filter, context.filter.wildcard_names, sample.topic)
    : null;
  let payload: unknown = null;
  let payload_fault: string | null = null;
  if (context.format === 'json') {
    try {
      payload = JSON.parse(sample.payload);
    } catch (error) {
      payload_fault = error instanceof Error ? error.message : String(error);
    }
  } else if (context.format === 'text') payload = sample.payload;
  return {
    envelope: {
      id: 'sample',
      product_id: context.productId,
      subscription_id: context.subscriptionId,
      topic: sample.topic,
      params: params ?? {},
      payload,
      ...(context.format === 'binary' ? { payload_base64: sample.payload } : {}),
      qos: sample.qos,
      retain: sample.retain,
      duplicate: false,
      user_properties: sample.user_properties,
      received_at: sample.received_at,
    },
    matches: params !== null,
    payload_fault,
  };
}

/** The sample as the API takes a message. */
export function messageOf(sample: Sample, format: PayloadFormat): Omit<SampleMessage, 'duplicate'> {
  return {
    topic: sample.topic,
    payload_base64: format === 'binary' ? sample.payload.trim() : toBase64(sample.payload),
    qos: sample.qos,
    retain: sample.retain,
    user_properties: sample.user_properties,
    content_type: sample.content_type || null,
    received_at: sample.received_at,
  };
}

/** A received message as a sample, its JSON made readable. */
export function sampleOf(message: Omit<SampleMessage, 'duplicate'>, format: PayloadFormat): Sample {
  return {
    topic: message.topic,
    payload: format === 'binary' ? message.payload_base64 : readable(fromBase64(message.payload_base64), format),
    qos: message.qos,
    retain: message.retain,
    content_type: message.content_type ?? '',
    user_properties: message.user_properties,
    received_at: message.received_at,
  };
}

/** Indents JSON that stays the same by it; what would change (long numbers, repeated keys) is shown as it came. */
function readable(text: string, format: PayloadFormat): string {
  if (format !== 'json') return text;
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text.trim() ? JSON.stringify(value, null, 2) : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

export function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

export function fromBase64(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}

/** A recorded message as a sample is made of. */
export function recordedSample(message: MessageDetail, payload_base64: string): Omit<SampleMessage, 'duplicate'> {
  const { topic, retain, received_at } = message;
  return {
    topic,
    payload_base64,
    qos: message.qos as 0 | 1 | 2,
    retain,
    content_type: message.content_type,
    user_properties: message.user_properties ?? {},
    received_at,
  };
}
