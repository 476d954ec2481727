import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { MessageEnvelope } from '@cortex-mqtt/contracts';
import { type ExactValue, ExpressionError, type ExpressionEngine, rawPayloadOf } from '@cortex-mqtt/expressions';

/**
 * Idempotency id of one (message, subscription, action): the same through retries, handover, lease take-over and replicas,
 * and through a redelivery by the broker where the message has an identity of its own. Safe in URLs, headers and job ids.
 */
export function actionDeliveryId(message_id: string, subscription_id: number, action_id: string): string {
  // A line feed is in none of the last two, so no two triples give one text.
  return `msg_${hash('sha256', `${subscription_id}\n${action_id}\n${message_id}`, 'base64url').slice(0, 32)}`;
}

/** Makes ids for messages that carry none: their random beginning is the maker's own, a number tells them apart. */
export function createMessageIds(): () => string {
  const beginning = `r_${randomBytes(16).toString('base64url')}`;
  let made = 0;
  return () => {
    made += 1;
    return beginning + made.toString(36);
  };
}

const randomId = (): string => `r_${randomUUID()}`;

export interface MessageIdentity {
  message_id: string;
  /** Whether the message itself carries it, so that a redelivery by the broker has the same. */
  carried: boolean;
}

export interface IdentityOptions {
  /** JSONata that names the message's identity; null = what the message itself carries. */
  message_key: string | null;
  content_type: string | null;
  engine: ExpressionEngine;
}

/**
 * Identity of a message: the value of `message_key`, else the user property `message-id`, else the `source` and `id` of a
 * CloudEvent (MQTT binding: binary mode in user properties, structured mode in the payload), else a random one. Two
 * messages with the same content and no identity never share one. Throws ExpressionError when the key gives no value.
 */
export async function messageIdentity(envelope: MessageEnvelope, options: IdentityOptions): Promise<MessageIdentity> {
  if (options.message_key !== null) {
    const key = exactKey(await options.engine.evaluateExact(options.message_key, envelope), 'message key');
    // What a double holds is the key it always was.
    if (key !== null) return carried(envelope.topic, 'key', key.rounding === 'kept' ? { exact: key.json } : key.value);
    return { message_id: randomId(), carried: false };
  }
  return ownIdentity(
    { topic: envelope.topic, user_properties: envelope.user_properties, payload: () => parsed(envelope) },
    options.content_type,
    randomId,
  );
}

/**
 * The key by which deliveries keep their order. Throws ExpressionError when `source` finds nothing, or computes with a number
 * whose digits a double doesn't hold.
 */
export async function orderingKey(
  source: string,
  envelope: MessageEnvelope,
  engine: ExpressionEngine,
): Promise<string> {
  const value = await orderingValue(source, envelope, engine);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The same as a value, for showing. One with more digits than a double holds is its text. */
export async function orderingValue(
  source: string,
  envelope: MessageEnvelope,
  engine: ExpressionEngine,
): Promise<unknown> {
  const key = exactKey(await engine.evaluateExact(source, envelope), 'ordering key');
  if (key === null) throw new ExpressionError('ORDERING_KEY_EMPTY', 'the ordering key found nothing in this message');
  return key.rounding === 'kept' ? key.json : key.value;
}

/** A key with all its digits, null for none. Two that differ must never become one. */
function exactKey(key: ExactValue | undefined, what: string): ExactValue | null {
  if (key === undefined || key.value === null) return null;
  if (key.rounding !== 'lost') return key;
  throw new ExpressionError(
    'KEY_NOT_EXACT',
    `the ${what} is computed with a number that has more digits than a computation keeps; use its path by itself, or join it with "&"`,
  );
}

/** Of a message what may carry an identity. `payload` is asked for only where it may, and is null when it isn't JSON. */
export interface IdentitySource {
  topic: string;
  user_properties: MessageEnvelope['user_properties'];
  payload(): unknown;
}

/**
 * What `messageIdentity` gives without a `message_key`; needs no expression, so it is there at once. `makeId`: for a
 * message that carries none.
 */
export function ownIdentity(
  source: IdentitySource,
  content_type: string | null,
  makeId: () => string,
): MessageIdentity {
  const properties = source.user_properties;
  const own = single(properties['message-id']);
  if (own !== null) return carried(source.topic, 'message-id', own);
  const id = single(properties.id);
  const origin = single(properties.source);
  if (id !== null && origin !== null) return carried('', 'cloudevent', [origin, id]);
  const structured = structuredCloudEvent(source, content_type);
  if (structured) return carried('', 'cloudevent', structured);
  return { message_id: makeId(), carried: false };
}

function carried(scope: string, kind: string, value: unknown): MessageIdentity {
  const digest = hash('sha256', JSON.stringify([kind, scope, value]), 'base64url');
  return { message_id: `m_${digest.slice(0, 32)}`, carried: true };
}

function single(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function structuredCloudEvent(from: IdentitySource, content_type: string | null): [string, string] | null {
  if (content_type === null || !/^application\/cloudevents\+json\b/i.test(content_type)) return null;
  const event = from.payload();
  if (typeof event !== 'object' || event === null) return null;
  const { id, source } = event as Record<string, unknown>;
  return typeof id === 'string' && id !== '' && typeof source === 'string' ? [source, id] : null;
}

/** The payload as JSON whatever the subscription's format is; null when it isn't. */
function parsed(envelope: MessageEnvelope): unknown {
  const raw = rawPayloadOf(envelope);
  return raw ? parsedBytes(raw.bytes) : envelope.payload;
}

/** JSON of a payload; null when it isn't JSON. */
export function parsedBytes(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Not a CloudEvent then; the decode fault is for who needs the payload.
    return null;
  }
}
