import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { DeliveryAttempt, QoS } from '@cortex-mqtt/contracts';
import { ByteReader, SegmentFormatError } from './byte-reader';
import { ByteWriter } from './byte-writer';
import { OUTCOMES, type Outcome, outcomeCode } from './outcome';
import { makerOf, numberOf, receivedAtOf, recordId } from './record-id';
import {
  GAP_REASONS,
  type GapReason,
  type LateOutcome,
  type RecordedDelivery,
  type RecordedMessage,
  type RecordedProperties,
  type RecordingGap,
  type Segment,
} from './segment';

const compress = promisify(gzip);
const expand = promisify(gunzip);

const VERSION = 1;
/** Bytes a segment may have once it is expanded: more than any listener makes of 1 MB of messages and their attempts. */
export const MAX_SEGMENT_BYTES = 32 * 1024 * 1024;
const ATTEMPT_OUTCOMES = ['succeeded', 'failed', 'permanent', 'deferred'] as const;

const FLAG = { retain: 4, duplicate: 8, redacted: 16, cut: 32, identity: 64, properties: 128 } as const;

/** A segment as bytes, not compressed. */
export function encodeSegment({ id, messages, outcomes, gaps }: Segment): Buffer {
  let expected = 1_024 + outcomes.length * 64;
  for (const message of messages) expected += message.payload.length + 48;
  const writer = new ByteWriter(expected);
  writer.byte(VERSION);
  writer.text(id);
  writer.count(messages.length);
  let before = { ms: 0, number: 0 };
  for (const message of messages) before = writeMessage(writer, message, before);
  writer.count(outcomes.length);
  for (const outcome of outcomes) writeOutcome(writer, outcome);
  writer.count(gaps.length);
  for (const gap of gaps) writeGap(writer, gap);
  return writer.finish();
}

/** @throws {SegmentFormatError} for bytes that are no segment. Payloads are views on `bytes`. */
export function decodeSegment(bytes: Buffer): Segment {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new SegmentFormatError(`segments of version ${version} are not known here`);
  const id = reader.text();
  const messages: RecordedMessage[] = [];
  let before = { ms: 0, number: 0 };
  for (let left = reader.count(); left > 0; left -= 1) {
    const message = readMessage(reader, before);
    before = { ms: receivedAtOf(message.id), number: numberOf(message.id) };
    messages.push(message);
  }
  const outcomes = readAll(reader, readOutcome);
  const gaps = readAll(reader, readGap);
  if (!reader.isAtEnd) throw new SegmentFormatError('there are bytes after the segment');
  return { id, messages, outcomes, gaps };
}

/** Level 1: most of what there is to gain, in a tenth of the time. */
export const compressSegment = (bytes: Buffer): Promise<Buffer> => compress(bytes, { level: 1 });

/** @throws {SegmentFormatError} when it isn't gzip, or expands to more than MAX_SEGMENT_BYTES. */
export async function expandSegment(bytes: Buffer): Promise<Buffer> {
  try {
    return await expand(bytes, { maxOutputLength: MAX_SEGMENT_BYTES });
  } catch (error) {
    throw new SegmentFormatError(`the segment can't be expanded: ${(error as Error).message}`);
  }
}

function writeMessage(
  writer: ByteWriter,
  message: RecordedMessage,
  before: { ms: number; number: number },
): { ms: number; number: number } {
  const { payload, properties, identity } = message;
  const ms = receivedAtOf(message.id);
  const number = numberOf(message.id);
  writer.byte(
    message.qos |
      (message.retain ? FLAG.retain : 0) |
      (message.duplicate ? FLAG.duplicate : 0) |
      (message.isRedacted ? FLAG.redacted : 0) |
      (payload.length === message.payload_bytes ? 0 : FLAG.cut) |
      (identity === null ? 0 : FLAG.identity) |
      (properties === null ? 0 : FLAG.properties),
  );
  writer.difference(ms - before.ms);
  writer.difference(number - before.number);
  writer.name(makerOf(message.id));
  writer.name(message.topic);
  writer.name(message.broker);
  writer.blob(payload);
  if (payload.length !== message.payload_bytes) writer.count(message.payload_bytes);
  if (identity !== null) writer.text(identity);
  if (properties !== null) writeProperties(writer, properties);
  writer.count(message.deliveries.length);
  for (const delivery of message.deliveries) writeDelivery(writer, delivery, ms);
  return { ms, number };
}

function readMessage(reader: ByteReader, before: { ms: number; number: number }): RecordedMessage {
  const flags = reader.byte();
  const ms = before.ms + reader.difference();
  const number = before.number + reader.difference();
  const id = recordId(ms, reader.name(), number);
  const topic = reader.name();
  const broker = reader.name();
  const payload = reader.blob();
  const payload_bytes = flags & FLAG.cut ? reader.count() : payload.length;
  const identity = flags & FLAG.identity ? reader.text() : null;
  const properties = flags & FLAG.properties ? readProperties(reader) : null;
  return {
    id,
    topic,
    payload,
    payload_bytes,
    isRedacted: (flags & FLAG.redacted) !== 0,
    qos: qosOf(flags & 3),
    retain: (flags & FLAG.retain) !== 0,
    duplicate: (flags & FLAG.duplicate) !== 0,
    properties,
    identity,
    broker,
    deliveries: readAll(reader, (from) => readDelivery(from, ms)),
  };
}

function writeProperties(writer: ByteWriter, properties: RecordedProperties): void {
  const { user_properties, correlation_data, message_expiry_s } = properties;
  const names = Object.keys(user_properties);
  writer.count(names.length);
  for (const name of names) {
    const value = user_properties[name] as string | string[];
    writer.name(name);
    // 0 = a single text, else an array of so many.
    writer.count(typeof value === 'string' ? 0 : value.length);
    for (const one of typeof value === 'string' ? [value] : value) writer.text(one);
  }
  writer.optionalName(properties.content_type);
  writer.optionalName(properties.response_topic);
  writer.byte((correlation_data ? 1 : 0) | (message_expiry_s !== null ? 2 : 0) | (properties.payload_is_utf8 ? 4 : 0));
  if (correlation_data) writer.blob(correlation_data);
  if (message_expiry_s !== null) writer.count(message_expiry_s);
}

function readProperties(reader: ByteReader): RecordedProperties {
  const user_properties: Record<string, string | string[]> = {};
  for (let left = reader.count(); left > 0; left -= 1) {
    const name = reader.name();
    const count = reader.count();
    let value: string | string[];
    if (count === 0) value = reader.text();
    else {
      value = [];
      for (let index = 0; index < count; index += 1) value.push(reader.text());
    }
    // Defined, not assigned: a property may be named `__proto__`.
    Object.defineProperty(user_properties, name, { value, enumerable: true, configurable: true, writable: true });
  }
  const content_type = reader.optionalName();
  const response_topic = reader.optionalName();
  const flags = reader.byte();
  return {
    user_properties,
    content_type,
    response_topic,
    correlation_data: flags & 1 ? reader.blob() : null,
    message_expiry_s: flags & 2 ? reader.count() : null,
    payload_is_utf8: (flags & 4) !== 0,
  };
}

function writeDelivery(writer: ByteWriter, delivery: RecordedDelivery, from_ms: number): void {
  writer.count(delivery.subscription_id);
  writer.byte(outcomeCode(delivery.outcome));
  writer.optionalName(delivery.error);
  writer.optionalName(delivery.queue_id);
  writer.count(delivery.attempts.length);
  for (const attempt of delivery.attempts) {
    writer.name(attempt.action_id);
    writer.byte(ATTEMPT_OUTCOMES.indexOf(attempt.outcome));
    writer.difference(Date.parse(attempt.at) - from_ms);
    writer.count(Math.max(0, Math.round(attempt.duration_ms)));
    writer.count(attempt.status === null ? 0 : attempt.status + 1);
    writer.optionalName(attempt.error);
    writer.optionalName(attempt.response_excerpt);
  }
}

function readDelivery(reader: ByteReader, from_ms: number): RecordedDelivery {
  const subscription_id = reader.count();
  const outcome = outcomeOf(reader.byte());
  const error = reader.optionalName();
  const queue_id = reader.optionalName();
  const attempts = readAll(reader, (): DeliveryAttempt => {
    const action_id = reader.name();
    const attempt_outcome = ATTEMPT_OUTCOMES[reader.byte()];
    if (attempt_outcome === undefined) throw new SegmentFormatError('an attempt has an outcome that is not known');
    const at_ms = from_ms + reader.difference();
    if (Math.abs(at_ms) > 8.64e15) throw new SegmentFormatError('an attempt has no time');
    const duration_ms = reader.count();
    const status = reader.count();
    return {
      action_id,
      outcome: attempt_outcome,
      at: new Date(at_ms).toISOString(),
      duration_ms,
      status: status === 0 ? null : status - 1,
      error: reader.optionalName(),
      response_excerpt: reader.optionalName(),
    };
  });
  return { subscription_id, outcome, error, attempts, queue_id };
}

function writeOutcome(writer: ByteWriter, outcome: LateOutcome): void {
  writer.text(outcome.message_id);
  writer.count(outcome.at_ms);
  writer.optionalName(outcome.replay_id);
  writeDelivery(writer, outcome, outcome.at_ms);
}

function readOutcome(reader: ByteReader): LateOutcome {
  const message_id = reader.text();
  const at_ms = reader.count();
  const replay_id = reader.optionalName();
  return { message_id, at_ms, replay_id, ...readDelivery(reader, at_ms) };
}

function writeGap(writer: ByteWriter, gap: RecordingGap): void {
  writer.count(gap.from_ms);
  writer.count(gap.to_ms);
  writer.count(gap.messages === null ? 0 : gap.messages + 1);
  writer.byte(GAP_REASONS.indexOf(gap.reason));
}

function readGap(reader: ByteReader): RecordingGap {
  const from_ms = reader.count();
  const to_ms = reader.count();
  const messages = reader.count();
  const reason: GapReason | undefined = GAP_REASONS[reader.byte()];
  if (reason === undefined) throw new SegmentFormatError('a gap has a reason that is not known');
  return { from_ms, to_ms, messages: messages === 0 ? null : messages - 1, reason };
}

function readAll<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const all: T[] = [];
  for (let left = reader.count(); left > 0; left -= 1) all.push(read(reader));
  return all;
}

function outcomeOf(code: number): Outcome {
  const outcome = OUTCOMES[code];
  if (outcome === undefined) throw new SegmentFormatError('a delivery has an outcome that is not known');
  return outcome;
}

function qosOf(bits: number): QoS {
  if (bits === 3) throw new SegmentFormatError('a message has both QoS bits set');
  return bits as QoS;
}
