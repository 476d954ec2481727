import { randomBytes } from 'node:crypto';
import { payloadOf, payloadSize, storePayload, storedSize } from './stored-payload';

const orders = JSON.stringify(
  Array.from({ length: 2_000 }, (_, n) => ({ id: `o-${n}`, note: 'said "no"\n\tthen\\yes ✓ 東京 ~{|}', sum: n * 1.5 })),
  null,
  2,
);

const PAYLOADS: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['short JSON', Buffer.from('{"id":9007199254740993,"x":100.00}')],
  ['JSON with many quotes', Buffer.from(orders)],
  [
    'all of ASCII, many times',
    Buffer.from(Array.from({ length: 40 }, () => String.fromCharCode(...Array(128).keys())).join('')),
  ],
  [
    'ASCII without NUL',
    Buffer.from(Array.from({ length: 127 }, (_, n) => String.fromCharCode(n + 1).repeat(99)).join('')),
  ],
  ['text with a byte order mark', Buffer.from('\ufeff"a"')],
  ['quotes only', Buffer.from('"'.repeat(5_000))],
  ['text with NUL', Buffer.from('a\u0000b')],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x80])],
  ['half a surrogate pair in CESU-8', Buffer.from([0xed, 0xa0, 0x80])],
  ['random bytes', randomBytes(20_000)],
  ['binary that repeats', Buffer.concat(Array.from({ length: 500 }, () => Buffer.from([0, 255, 1, 200, 7, 7, 7, 7])))],
];

it.each(PAYLOADS)('comes back byte by byte through JSON: %s', (_name, bytes) => {
  const stored = JSON.parse(JSON.stringify(storePayload(bytes)));
  expect(payloadOf(stored).equals(bytes)).toBe(true);
  expect(payloadSize(stored)).toBe(bytes.length);
});

it.each([
  ['JSON', orders],
  ['JSON in JSON', JSON.stringify(JSON.stringify(JSON.parse(orders)))],
  ['text', 'the quick brown fox\n'.repeat(5_000)],
  ['base64', randomBytes(100_000).toString('base64')],
])('costs a few per cent at most: %s', (_name, text) => {
  const stored = storePayload(Buffer.from(text));
  expect(Buffer.byteLength(JSON.stringify(stored))).toBeLessThan(Buffer.byteLength(text) * 1.03);
});

it('deflates binary that becomes shorter by it, and keeps base64 for what does not', () => {
  const repeating = Buffer.alloc(10_000, Buffer.from([0, 255, 1, 2, 3]));
  expect(storedSize(storePayload(repeating))).toBeLessThan(1_000);
  expect(storePayload(randomBytes(10_000))).toEqual({ payload_base64: expect.any(String) });
});

it('reads what was stored before', () => {
  expect(payloadOf({ payload_base64: Buffer.from('old').toString('base64') }).toString()).toBe('old');
});
