import type { EnvelopeExtras } from '@cortex-mqtt/contracts';

/** In the order in which an envelope has them. */
export const EXTRA_NAMES = [
  'broker',
  'content_type',
  'response_topic',
  'correlation_data',
  'message_expiry_s',
  'published_at',
  'replay',
] as const satisfies readonly (keyof EnvelopeExtras)[];

/** Those that are there: an absent one must not become a key without a value. */
export function extrasOf(fields: EnvelopeExtras): EnvelopeExtras {
  const extras: Record<string, unknown> = {};
  for (const name of EXTRA_NAMES) {
    if (fields[name] !== undefined) extras[name] = fields[name];
  }
  return extras as EnvelopeExtras;
}

/** A PUBLISH as far as its envelope has extras from it. */
export interface ExtrasSource {
  broker: string | null;
  properties: {
    user_properties: Record<string, string | string[]>;
    content_type: string | null;
    response_topic: string | null;
    correlation_data: Buffer | null;
    message_expiry_s: number | null;
  };
}

/** User properties by which publishers say when they sent a message; the first that can be read counts. */
const TIME_PROPERTIES = ['published-at', 'time', 'timestamp'] as const;

export function messageExtras({ broker, properties }: ExtrasSource): EnvelopeExtras {
  const { content_type, response_topic, correlation_data, message_expiry_s } = properties;
  const published_at = publishedAt(properties.user_properties);
  return {
    ...(broker === null ? {} : { broker }),
    ...(content_type === null ? {} : { content_type }),
    ...(response_topic === null ? {} : { response_topic }),
    ...(correlation_data === null ? {} : { correlation_data: correlation_data.toString('base64') }),
    ...(message_expiry_s === null ? {} : { message_expiry_s }),
    ...(published_at === null ? {} : { published_at }),
  };
}

/** As RFC 3339; null when no property says it. */
export function publishedAt(user_properties: Record<string, string | string[]>): string | null {
  const at_ms = publishedAtMs(user_properties);
  return at_ms === null ? null : new Date(at_ms).toISOString();
}

/** Milliseconds since the epoch, of RFC 3339 or seconds or milliseconds since the epoch; null when no property says it. */
export function publishedAtMs(user_properties: Record<string, string | string[]>): number | null {
  for (const name of TIME_PROPERTIES) {
    const value = Object.hasOwn(user_properties, name) ? user_properties[name] : undefined;
    if (typeof value !== 'string') continue;
    const at = /^\d{10}(\.\d{1,6})?$/.test(value)
      ? Number(value) * 1_000
      : /^\d{13}$/.test(value)
        ? Number(value)
        : /^\d{4}-\d{2}-\d{2}T/.test(value)
          ? Date.parse(value)
          : Number.NaN;
    if (Number.isFinite(at)) return at;
  }
  return null;
}
