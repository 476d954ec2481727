import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { waitFor } from '@cortex-mqtt/testing';
import { createEnvelope, createSharedPayload, serializeEnvelope } from './envelope';
import { PayloadDecodeError } from './expression-error';
import { decodePayload } from './payload';
import { buildEnvelope } from './testing/build-envelope';

function faultOf(payload: string | Buffer, format: 'json' | 'text' = 'json'): PayloadDecodeError {
  try {
    decodePayload(Buffer.from(payload), format);
  } catch (error) {
    if (error instanceof PayloadDecodeError) return error;
    throw error;
  }
  throw new Error('it was decoded');
}

describe('decodePayload', () => {
  it('reads JSON, text and binary', () => {
    expect(decodePayload(Buffer.from('{"a":[1]}'), 'json')).toEqual({ payload: { a: [1] }, json: '{"a":[1]}' });
    expect(decodePayload(Buffer.from('grün'), 'text')).toEqual({ payload: 'grün' });
    expect(decodePayload(Buffer.from([0, 255]), 'binary')).toEqual({ payload: null, payload_base64: 'AP8=' });
    expect(decodePayload(Buffer.alloc(0), 'text')).toEqual({ payload: '' });
  });

  it.each([
    ['{"a": nope}', 1, 8],
    ['{"a":1,}', 1, 8],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['[1, 2', 1, 6],
    ['nan', 1, 2],
    [`[${'1,'.repeat(200)} qqq]`, 1, 403],
    ['[1]]', 1, 4],
    ['\ufeff{}', 1, 1],
  ])('names line and column of the fault in %j', (payload, line, column) => {
    expect(faultOf(payload)).toMatchObject({ code: 'NOT_JSON', permanent: true, position: { line, column } });
  });

  it('says so when the payload is empty', () => {
    expect(faultOf('')).toMatchObject({ code: 'EMPTY_PAYLOAD' });
  });

  it.each([
    [[0x61, 0xff, 0x61], 1],
    [[0xc3, 0xa4, 0xc3], 2],
    [[0x61, 0xe2, 0x82, 0xac, 0xe2, 0x28, 0xa1, 0x61], 4],
    [[0xff], 0],
  ])('names the byte that is not UTF-8 in %j', (bytes, offset) => {
    expect(faultOf(Buffer.from(bytes), 'text')).toMatchObject({ code: 'NOT_UTF8', position: { offset } });
    expect(faultOf(Buffer.from(bytes), 'json')).toMatchObject({ code: 'NOT_UTF8' });
  });
});

describe('serializeEnvelope', () => {
  it('embeds a JSON payload byte for byte', () => {
    const payload = '{"id": 9007199254740993, "b":1.10,"a":"\\u00e4", "__proto__": 1}';
    const text = serializeEnvelope(buildEnvelope({ payload }));
    expect(text).toContain(`"payload":${payload},`);
    expect(JSON.parse(text)).toMatchObject({ id: 'msg_1', topic: 'orders/7/created', params: { order: '7' }, qos: 1 });
  });

  it('writes the same fields as the envelope has, for each format', () => {
    for (const [format, payload] of [
      ['json', '[1]'],
      ['text', 'a "quoted"\n text'],
      ['binary', Buffer.from([1, 2, 255])],
    ] as const) {
      const envelope = buildEnvelope({ payload, format, user_properties: { a: ['1', '2'] } });
      expect(JSON.parse(serializeEnvelope(envelope))).toEqual(JSON.parse(JSON.stringify(envelope)));
    }
  });

  it('escapes whatever a topic holds', () => {
    for (const topic of ['a "b"', 'back\\slash', 'tab\there', 'line\n', 'Zoë/\u2028', '\ud800', '\u007f', '']) {
      expect(JSON.parse(serializeEnvelope(buildEnvelope({ topic })))).toMatchObject({ topic });
    }
  });

  it('refuses to pass on as JSON what is not', () => {
    expect(() => serializeEnvelope(buildEnvelope({ payload: '{"a":' }))).toThrow(PayloadDecodeError);
  });

  it('decodes a payload once for all envelopes that share it', () => {
    const raw = { bytes: Buffer.from('{"a":1}'), format: 'json' as const };
    const envelope = createEnvelope(buildEnvelope(), raw);
    expect(envelope.payload).toBe(envelope.payload);
  });
});

describe('the payload of a message', () => {
  const shared = (text: string) =>
    createSharedPayload({ bytes: Buffer.from(JSON.stringify({ text })), format: 'json' });

  it('is decoded once where it is small', () => {
    const small = shared('x'.repeat(1_000));
    expect(small.decode()).toBe(small.decode());
  });

  it('stays decoded no longer than it is used where it is large, and is decoded again', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const text = 'x'.repeat(1_000_000);
    const large = shared(text);
    const decode = () => new WeakRef(large.decode());
    const decoded = decode();
    await waitFor(() => {
      collect();
      return decoded.deref() === undefined;
    });
    expect(large.decode().payload).toEqual({ text });
  });
});
