import { Duplex } from 'node:stream';
import type { IncomingMessage } from '../incoming-message';
import { PacketTap } from './packet-tap';
import { type DiscardedMessage, ReceiverSession } from './receiver-session';

/** What the broker sends is pushed, what it gets is collected. */
function buildTransport(): { transport: Duplex; written: Buffer[]; send(bytes: Buffer): void } {
  const written: Buffer[] = [];
  const transport = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  return { transport, written, send: (bytes) => transport.push(bytes) };
}

function publish(packet_id: number, topic: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(2 + topic.length + 2);
  head.writeUInt16BE(topic.length, 0);
  head.write(topic, 2);
  head.writeUInt16BE(packet_id, 2 + topic.length);
  const length: number[] = [];
  for (let rest = head.length + payload.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x32, ...length]), head, payload]);
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

it.each([1, 7, 1_000, 65_536, 10_000_000])(
  'acknowledges a PUBLISH that is too large and passes over it, read in pieces of %d bytes',
  async (piece) => {
    const payload_bytes = 200_000;
    const messages: IncomingMessage[] = [];
    const discarded: DiscardedMessage[] = [];
    const receiver = new ReceiverSession({
      limits: { messages: 100, bytes: 10_000_000, payload_bytes: 1_024 },
      onMessage: (message) => {
        messages.push(message);
        message.settle();
      },
      onDiscarded: (message) => discarded.push(message),
    });
    const { transport, written, send } = buildTransport();
    const tap = new PacketTap({
      ...{ transport, receiver, name: 'primary', version: 4 },
      max_packet_bytes: receiver.max_packet_bytes ?? 0,
    });
    const stream = Buffer.concat([
      publish(1, 'before', Buffer.from('a')),
      publish(2, 'too/large', Buffer.alloc(payload_bytes)),
      publish(3, 'after', Buffer.from('b')),
    ]);
    for (let at = 0; at < stream.length; at += piece) {
      // Only the header may come in single bytes, or this would take for ever.
      const end = at > 200 ? Math.min(stream.length, at + Math.max(piece, 5_000)) : at + piece;
      send(stream.subarray(at, end));
      if (end > at + piece) at = end - piece;
    }
    while (messages.length < 2) await turn();
    while (Buffer.concat(written).length < 12) await turn();
    expect(messages.map(({ topic }) => topic)).toEqual(['before', 'after']);
    expect(discarded).toEqual([{ topic: 'too/large', qos: 1, bytes: expect.any(Number) }]);
    expect(discarded[0]?.bytes).toBeGreaterThan(payload_bytes);
    // PUBACKs in the order of receipt.
    expect(Buffer.concat(written)).toEqual(Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3]));
    expect(receiver.in_flight).toBe(0);
    tap.destroy();
  },
);
