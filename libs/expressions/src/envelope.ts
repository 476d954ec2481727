import type { EnvelopeExtras, MessageEnvelope, PayloadFormat } from '@cortex-mqtt/contracts';
import { EXTRA_NAMES, extrasOf } from './envelope-extras';
import { decodePayload, type DecodedPayload } from './payload';

export type EnvelopeFields = Omit<MessageEnvelope, 'payload' | 'payload_base64'>;

/** The bytes behind an envelope, for who must pass them on untouched or decode them elsewhere. */
export interface RawPayload {
  bytes: Buffer;
  format: PayloadFormat;
}

/** Where an envelope keeps what it was made from; a symbol, so that neither JSON nor an expression sees it. */
const RAW = Symbol('raw payload');

/**
 * The envelope of one message for one action. `payload` is decoded when it is first asked for, and then throws
 * PayloadDecodeError if it isn't what `format` says. Give `shared` (one object a message) so that the envelopes of
 * several actions decode it once.
 */
export function createEnvelope(
  fields: EnvelopeFields,
  raw: RawPayload,
  shared: SharedPayload = createSharedPayload(raw),
): MessageEnvelope {
  // Own accessors: JSONata reads own properties only. Literals, not defineProperty: this runs for every action.
  if (raw.format === 'binary') {
    const binary = {
      id: fields.id,
      product_id: fields.product_id,
      subscription_id: fields.subscription_id,
      topic: fields.topic,
      params: fields.params,
      get payload() {
        return shared.decode().payload;
      },
      get payload_base64() {
        return shared.decode().payload_base64;
      },
      qos: fields.qos,
      retain: fields.retain,
      duplicate: fields.duplicate,
      user_properties: fields.user_properties,
      received_at: fields.received_at,
      [RAW]: raw,
    } as MessageEnvelope;
    return Object.assign(binary, extrasOf(fields));
  }
  const envelope = {
    id: fields.id,
    product_id: fields.product_id,
    subscription_id: fields.subscription_id,
    topic: fields.topic,
    params: fields.params,
    get payload() {
      return shared.decode().payload;
    },
    qos: fields.qos,
    retain: fields.retain,
    duplicate: fields.duplicate,
    user_properties: fields.user_properties,
    received_at: fields.received_at,
    [RAW]: raw,
  } as MessageEnvelope;
  return Object.assign(envelope, extrasOf(fields));
}

/** The decoded payload of one message, made once. */
export interface SharedPayload {
  readonly raw: RawPayload;
  decode(): DecodedPayload;
}

export function createSharedPayload(raw: RawPayload): SharedPayload {
  return new OncePayload(raw);
}

/**
 * A larger payload is kept decoded only as long as somebody works with it: text and values take twice the memory of the bytes, and
 * a message may wait long for its destination.
 */
const KEPT_DECODED_BYTES = 64 * 1024;

class OncePayload implements SharedPayload {
  private decoded: DecodedPayload | WeakRef<DecodedPayload> | null = null;

  constructor(readonly raw: RawPayload) {}

  decode(): DecodedPayload {
    const known = this.decoded instanceof WeakRef ? this.decoded.deref() : this.decoded;
    if (known) return known;
    const { bytes, format } = this.raw;
    const decoded = decodePayload(bytes, format);
    this.decoded = bytes.length > KEPT_DECODED_BYTES ? new WeakRef(decoded) : decoded;
    return decoded;
  }
}

/**
 * An envelope whose fields are worked out when they are asked for: most actions ask for few of them. The getters are
 * those of a class, which costs one small object a message; `own()` has them as own properties, for expressions.
 */
export abstract class LazyEnvelope implements MessageEnvelope {
  abstract readonly id: string;
  abstract readonly product_id: number;
  abstract readonly subscription_id: number;
  abstract readonly topic: string;
  abstract readonly params: Record<string, string>;
  abstract readonly qos: MessageEnvelope['qos'];
  abstract readonly retain: boolean;
  abstract readonly duplicate: boolean;
  abstract readonly user_properties: MessageEnvelope['user_properties'];
  abstract readonly received_at: string;
  abstract readonly extras: EnvelopeExtras;
  /** The same for all envelopes of a message. */
  abstract readonly shared: SharedPayload;
  private owned: MessageEnvelope | null = null;

  get payload(): unknown {
    return this.shared.decode().payload;
  }

  get payload_base64(): string | undefined {
    return this.shared.decode().payload_base64;
  }

  get broker(): EnvelopeExtras['broker'] {
    return this.extras.broker;
  }

  get content_type(): EnvelopeExtras['content_type'] {
    return this.extras.content_type;
  }

  get response_topic(): EnvelopeExtras['response_topic'] {
    return this.extras.response_topic;
  }

  get correlation_data(): EnvelopeExtras['correlation_data'] {
    return this.extras.correlation_data;
  }

  get message_expiry_s(): EnvelopeExtras['message_expiry_s'] {
    return this.extras.message_expiry_s;
  }

  get published_at(): EnvelopeExtras['published_at'] {
    return this.extras.published_at;
  }

  get replay(): EnvelopeExtras['replay'] {
    return this.extras.replay;
  }

  get [RAW](): RawPayload {
    return this.shared.raw;
  }

  own(): MessageEnvelope {
    this.owned ??= createEnvelope(this, this.shared.raw, this.shared);
    return this.owned;
  }

  toJSON(): MessageEnvelope {
    return this.own();
  }
}

/** The envelope with own properties, which are all that JSONata and paths in templates see. */
export function ownProperties<T>(input: T): T | MessageEnvelope {
  return input instanceof LazyEnvelope ? input.own() : input;
}

/** The bytes an envelope was made from; undefined for a plain object that only looks like one. */
export function rawPayloadOf(envelope: object): RawPayload | undefined {
  return (envelope as { [RAW]?: RawPayload })[RAW];
}

/**
 * The envelope as JSON. A JSON payload is embedded byte for byte as it came: no parse-and-print that rounds a 64-bit
 * integer or reorders keys. It is parsed once all the same, since what isn't JSON must not be sent as such
 * (PayloadDecodeError).
 */
export function serializeEnvelope(envelope: MessageEnvelope): string {
  const head =
    `{"id":${quoted(envelope.id)},"product_id":${envelope.product_id},` +
    `"subscription_id":${envelope.subscription_id},"topic":${quoted(envelope.topic)},` +
    `"params":${objectText(envelope.params)},`;
  const tail =
    `"qos":${envelope.qos},"retain":${envelope.retain},"duplicate":${envelope.duplicate},` +
    `"user_properties":${objectText(envelope.user_properties)},"received_at":${quoted(envelope.received_at)}` +
    `${extrasText(envelope)}}`;
  const json = jsonTextOf(envelope);
  if (json !== null) return `${head}"payload":${json},${tail}`;
  const { payload } = envelope;
  const base64 =
    envelope.payload_base64 === undefined ? '' : `"payload_base64":${JSON.stringify(envelope.payload_base64)},`;
  return `${head}"payload":${JSON.stringify(payload) ?? 'null'},${base64}${tail}`;
}

/** The text of a JSON payload, which has been parsed once by then; null for other payloads. */
export function jsonTextOf(envelope: MessageEnvelope): string | null {
  if (envelope instanceof LazyEnvelope) return envelope.shared.decode().json ?? null;
  const raw = rawPayloadOf(envelope);
  return raw === undefined || raw.format !== 'json' ? null : (decodePayload(raw.bytes, 'json').json ?? null);
}

/**
 * The envelope as a plain object: the documented fields and nothing else, whatever class it is of. For who hands it over as
 * a value; `serializeEnvelope` is for who writes it.
 */
export function envelopeValue(envelope: MessageEnvelope): MessageEnvelope {
  const { payload_base64 } = envelope;
  return {
    id: envelope.id,
    product_id: envelope.product_id,
    subscription_id: envelope.subscription_id,
    topic: envelope.topic,
    params: { ...envelope.params },
    payload: envelope.payload,
    ...(payload_base64 === undefined ? {} : { payload_base64 }),
    qos: envelope.qos,
    retain: envelope.retain,
    duplicate: envelope.duplicate,
    user_properties: { ...envelope.user_properties },
    received_at: envelope.received_at,
    ...extrasOf(envelope),
  };
}

/** Printable ASCII without quote and backslash, which JSON writes as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** As `JSON.stringify`, in a third of the time for what needs no escapes. */
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** Most messages have neither parameters nor properties. */
function objectText(value: object): string {
  for (const _name in value) return JSON.stringify(value);
  return '{}';
}

/** The rest of an object: `,"broker":"primary"`. */
function extrasText(envelope: MessageEnvelope): string {
  let text = '';
  for (const name of EXTRA_NAMES) {
    const value = envelope[name];
    if (value === undefined) continue;
    text += `,"${name}":${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`;
  }
  return text;
}
