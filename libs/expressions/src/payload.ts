import { isUtf8 } from 'node:buffer';
import type { PayloadFormat } from '@cortex-mqtt/contracts';
import { PayloadDecodeError, positionAt } from './expression-error';

/** What a payload is to expressions: parsed JSON, the text, or null with base64 beside it. */
export interface DecodedPayload {
  payload: unknown;
  payload_base64?: string;
  /** Of JSON: the text that was parsed. */
  json?: string;
}

/**
 * Decodes a payload after its subscription's format. JSON is RFC 8259 in UTF-8; text is valid UTF-8; binary is never refused.
 * Throws PayloadDecodeError with the line and column of the fault.
 */
export function decodePayload(bytes: Buffer, format: PayloadFormat): DecodedPayload {
  switch (format) {
    case 'json':
      return parseJson(bytes);
    case 'text':
      return { payload: decodeText(bytes) };
    case 'binary':
      return { payload: null, payload_base64: bytes.toString('base64') };
  }
}

function parseJson(bytes: Buffer): DecodedPayload {
  if (bytes.length === 0) throw new PayloadDecodeError('EMPTY_PAYLOAD', 'the payload is empty, JSON was expected');
  const text = decodeText(bytes);
  if (text.charCodeAt(0) === 0xfeff) {
    throw new PayloadDecodeError(
      'NOT_JSON',
      'the payload is not JSON: it begins with a byte order mark (RFC 8259, section 8.1)',
      positionAt(text, 0, null),
    );
  }
  try {
    return { payload: JSON.parse(text), json: text };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const offset = faultOffset(text, reason);
    if (offset === null) throw new PayloadDecodeError('NOT_JSON', `the payload is not JSON: ${reason}`);
    const position = positionAt(text, offset, text.charAt(offset) || null);
    const found = position.token === null ? 'it ends too early' : `unexpected ${JSON.stringify(position.token)}`;
    throw new PayloadDecodeError(
      'NOT_JSON',
      `the payload is not JSON: ${found} at line ${position.line}, column ${position.column}`,
      position,
    );
  }
}

/** Beyond this many characters looking for the place of a fault would take longer than the fault is worth. */
const MAX_SEARCHED = 65_536;

/**
 * V8 tells the offset of most faults, of some only the character it met first. Where it tells nothing the fault is
 * found by halving: a prefix without the fault merely ends too early. Null when it can't be told.
 */
function faultOffset(text: string, reason: string): number | null {
  const told = toldOffset(reason, text.length);
  if (told !== null) return told;
  if (text.length > MAX_SEARCHED) return null;
  let sound = 0;
  let faulty = text.length;
  while (faulty - sound > 1) {
    const middle = (sound + faulty) >> 1;
    if (endsTooEarly(text.slice(0, middle))) sound = middle;
    else faulty = middle;
  }
  return sound;
}

function toldOffset(reason: string, length: number): number | null {
  if (reason.includes('Unexpected end')) return length;
  const told = /at position (\d+)/.exec(reason)?.[1];
  return told === undefined ? null : Number(told);
}

/** Whether nothing is wrong with the text but that more must follow. */
function endsTooEarly(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (error) {
    const told = toldOffset(error instanceof Error ? error.message : '', prefix.length);
    return told !== null && told >= prefix.length;
  }
}

function decodeText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const offset = firstInvalidByte(bytes);
  throw new PayloadDecodeError(
    'NOT_UTF8',
    `the payload is not UTF-8: byte ${offset} (0x${(bytes[offset] ?? 0).toString(16).padStart(2, '0')}) is not part of a character`,
    { offset, line: 1, column: offset + 1, token: null },
  );
}

/** Byte offset of the first character that isn't whole. */
function firstInvalidByte(bytes: Buffer): number {
  let sound = 0;
  let faulty = bytes.length;
  while (faulty - sound > 1) {
    const middle = (sound + faulty) >> 1;
    if (isUtf8(trimPartial(bytes.subarray(0, middle)))) sound = middle;
    else faulty = middle;
  }
  return trimPartial(bytes.subarray(0, sound)).length;
}

/** Cuts off a character that the end of a slice has split. */
function trimPartial(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const width = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return width > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
