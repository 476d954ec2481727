import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { StoredPayload } from '@cortex-mqtt/contracts';

/** A shorter one is small beside the rest of its job, and stays readable. */
const MIN_SWAPPED = 1_024;
/** Swapped once this share of a text would be escapes. */
const MAX_ESCAPES = 0.02;
/** Binary payloads of these sizes are deflated, where that saves a fifth at least: more would hold up the event loop. */
const MIN_DEFLATED = 512;
const MAX_DEFLATED = 1024 * 1024;
const WORTH_IT = 0.8;

/** What JSON writes with a backslash and a letter, one byte more. */
const ESCAPED = '"\\\n\r\t';

/**
 * A payload as a job holds it, which is JSON in every store: text as it is, other bytes in base64. In a large JSON document the
 * many quotes would cost a backslash each, so they change places with characters that are rare in it.
 */
export function storePayload(bytes: Buffer): StoredPayload {
  if (isUtf8(bytes) && !bytes.includes(0)) {
    if (bytes.length < MIN_SWAPPED) return { payload_text: bytes.toString() };
    const swaps = swapsFor(bytes);
    if (swaps === '') return { payload_text: bytes.toString() };
    return { payload_text: swapped(bytes, swaps).toString(), payload_swaps: swaps };
  }
  if (bytes.length >= MIN_DEFLATED && bytes.length <= MAX_DEFLATED) {
    const deflated = deflateRawSync(bytes, { level: 1 });
    if (deflated.length < bytes.length * WORTH_IT) {
      return { payload_deflated: deflated.toString('base64'), payload_bytes: bytes.length };
    }
  }
  return { payload_base64: bytes.toString('base64') };
}

export function payloadOf(stored: StoredPayload): Buffer {
  const { payload_text, payload_swaps, payload_deflated, payload_base64 = '' } = stored;
  if (payload_text !== undefined) {
    const bytes = Buffer.from(payload_text);
    return payload_swaps === undefined ? bytes : swapped(bytes, payload_swaps);
  }
  if (payload_deflated !== undefined) return inflateRawSync(Buffer.from(payload_deflated, 'base64'));
  return Buffer.from(payload_base64, 'base64');
}

/** Bytes of the payload, without reading it. */
export function payloadSize({ payload_text, payload_bytes, payload_base64 = '' }: StoredPayload): number {
  if (payload_text !== undefined) return Buffer.byteLength(payload_text);
  return payload_bytes ?? Buffer.byteLength(payload_base64, 'base64');
}

/** Characters that it takes in the job. */
export function storedSize({ payload_text, payload_deflated, payload_base64 }: StoredPayload): number {
  return (payload_text ?? payload_deflated ?? payload_base64 ?? '').length;
}

/** Pairs of ASCII characters that change places; '' where that saves too little. */
function swapsFor(bytes: Buffer): string {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  const countOf = (char: string): number => counts[char.charCodeAt(0)] as number;
  const escapes = [...ESCAPED].reduce((sum, char) => sum + countOf(char), 0);
  if (escapes <= bytes.length * MAX_ESCAPES) return '';
  const rare = [...PRINTABLE].sort((one, other) => countOf(one) - countOf(other));
  let swaps = '';
  for (const char of [...ESCAPED].sort((one, other) => countOf(other) - countOf(one))) {
    const partner = rare.shift();
    if (partner === undefined || countOf(partner) >= countOf(char)) break;
    swaps += char + partner;
  }
  return swaps;
}

/** ASCII that JSON writes as it is. */
const PRINTABLE = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index))
  .filter((char) => !ESCAPED.includes(char))
  .join('');

/** Each of a pair for the other; done twice it is as before. Bytes of longer UTF-8 sequences are none of ASCII. */
function swapped(bytes: Buffer, swaps: string): Buffer {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (let index = 0; index + 1 < swaps.length; index += 2) {
    const [one, other] = [swaps.charCodeAt(index), swaps.charCodeAt(index + 1)];
    table[one] = other;
    table[other] = one;
  }
  const result = Buffer.allocUnsafe(bytes.length);
  for (let index = 0; index < bytes.length; index += 1) result[index] = table[bytes[index] as number] as number;
  return result;
}
