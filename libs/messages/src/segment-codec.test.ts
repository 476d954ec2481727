import { SegmentFormatError } from './byte-reader';
import { recordId, receivedAtOf, RECORD_ID_PATTERN } from './record-id';
import { compressSegment, decodeSegment, encodeSegment, expandSegment } from './segment-codec';
import type { RecordedMessage, Segment } from './segment';
import { worstOutcome } from './outcome';

const AT = Date.parse('2026-03-04T05:06:07.089Z');

function buildRecord(number: number, overrides: Partial<RecordedMessage> = {}): RecordedMessage {
  const payload = Buffer.from(`{"n":${number}}`);
  return {
    id: recordId(AT + number, 'abcdefgh', number),
    topic: `orders/${number % 3}`,
    payload,
    payload_bytes: payload.length,
    isRedacted: false,
    qos: 1,
    retain: false,
    duplicate: false,
    properties: null,
    identity: null,
    broker: 'primary',
    deliveries: [{ subscription_id: 7, outcome: 'succeeded', error: null, attempts: [], queue_id: null }],
    ...overrides,
  };
}

const FULL: Segment = {
  id: 'boot-1',
  messages: [
    buildRecord(5, { qos: 2, retain: true, duplicate: true, identity: 'm_xyz' }),
    // An older one after a newer one, as two connections may bring them.
    buildRecord(2, {
      payload: Buffer.from([0, 255, 1]),
      payload_bytes: 70_000,
      isRedacted: true,
      properties: {
        user_properties: JSON.parse('{"a":"1","many":["x","y"],"one":["z"],"__proto__":"p"}'),
        content_type: 'application/json',
        response_topic: 'replies/ü',
        correlation_data: Buffer.from([9, 8, 7]),
        message_expiry_s: 4_294_967_295,
        payload_is_utf8: true,
      },
      deliveries: [
        { subscription_id: 2_147_483_647, outcome: 'filtered', error: null, attempts: [], queue_id: null },
        {
          subscription_id: 8,
          outcome: 'dead',
          error: 'HTTP 500',
          queue_id: 'd-boot-00000001',
          attempts: [
            {
              at: new Date(AT - 100).toISOString(),
              action_id: 'hook',
              outcome: 'failed',
              status: 0,
              error: 'HTTP 500',
              response_excerpt: 'oops',
              duration_ms: 12,
            },
            {
              at: new Date(AT + 86_400_000).toISOString(),
              action_id: 'hook',
              outcome: 'permanent',
              status: null,
              error: 'HTTP 500',
              response_excerpt: null,
              duration_ms: 0,
            },
          ],
        },
      ],
    }),
  ],
  outcomes: [
    {
      message_id: recordId(AT, 'zzzzzzzz', 1),
      at_ms: AT + 50,
      replay_id: 'f1',
      subscription_id: 8,
      outcome: 'succeeded',
      error: null,
      attempts: [],
      queue_id: 'd-1',
    },
  ],
  gaps: [
    { from_ms: AT, to_ms: AT + 1, messages: 0, reason: 'buffer_full' },
    { from_ms: AT, to_ms: AT + 1, messages: null, reason: 'crash' },
  ],
};

describe('a segment', () => {
  it('comes out as it went in', async () => {
    const bytes = await expandSegment(await compressSegment(encodeSegment(FULL)));
    expect(decodeSegment(bytes)).toEqual(FULL);
  });

  it('is refused wherever it is cut off, and with any byte more', () => {
    const bytes = encodeSegment(FULL);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeSegment(bytes.subarray(0, length))).toThrow(SegmentFormatError);
    }
    expect(() => decodeSegment(Buffer.concat([bytes, Buffer.from([0])]))).toThrow('bytes after');
  });

  it('fails as a format fault and nothing else whatever byte is changed', () => {
    const bytes = encodeSegment(FULL);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 1, 127, 128, 255]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        try {
          decodeSegment(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(SegmentFormatError);
        }
      }
    }
  });

  it('of 500 small JSON messages takes well under 100 bytes for each', async () => {
    const messages = Array.from({ length: 500 }, (_, n) => {
      const text = JSON.stringify({
        order: 1_000_000 + n * 7919,
        sku: `A-${(n * 104729) % 9973}`,
        note: 'x'.repeat(140),
      });
      const payload = Buffer.from(text);
      return buildRecord(n, { payload, payload_bytes: payload.length });
    });
    const packed = await compressSegment(encodeSegment({ id: 's', messages, outcomes: [], gaps: [] }));
    expect(packed.length / 500).toBeLessThan(79);
  });

  it('refuses what is no gzip', async () => {
    await expect(expandSegment(Buffer.from('hello'))).rejects.toThrow(SegmentFormatError);
  });
});

describe('a record id', () => {
  it('sorts by time of receipt, then by number, and gives its time', () => {
    const ids = [recordId(AT, 'aaaaaaaa', 9), recordId(AT, 'aaaaaaaa', 10), recordId(AT + 1, 'aaaaaaaa', 0)];
    expect([...ids].sort()).toEqual(ids);
    expect(receivedAtOf(ids[0] as string)).toBe(AT);
    for (const id of ids) expect(id).toMatch(RECORD_ID_PATTERN);
  });
});

describe('the outcome of a message', () => {
  it('is the worst of its deliveries', () => {
    expect(worstOutcome(['succeeded', 'dead', 'waiting'])).toBe('dead');
    expect(worstOutcome(['filtered', 'succeeded'])).toBe('succeeded');
    expect(worstOutcome([])).toBe('unmatched');
  });
});
