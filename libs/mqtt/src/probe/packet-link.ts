import type { Duplex } from 'node:stream';
import type { ProtocolVersion } from '@cortex-mqtt/contracts';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, type Parser, parser } from 'mqtt-packet';
import type { ConnectionFailure } from '../diagnosis/failure';
import { StageFailure, type TimeLimit, watchEnd } from './time-limit';

const FIRST_BYTES_KEPT = 64;

/** Packets one by one over a stream, each step written out: a test has to see what a client library smooths over. */
export interface PacketLink {
  send(packet: Packet): void;
  /** The first packet from now on for which `pick` gives something. Register before sending what it answers. */
  receive<T>(pick: (packet: Packet) => T | undefined, limit: TimeLimit): Promise<T>;
  /** What the other side said first, for finding out what it speaks. */
  firstBytes(): Buffer;
  /** The version of the packets that come in: an old broker answers in its own. */
  version(): ProtocolVersion;
  /** Says DISCONNECT if that can still be said, and ends the stream. */
  close(): void;
}

interface Waiter {
  take(packet: Packet): boolean;
  fail(failure: ConnectionFailure): void;
}

export function openPacketLink(stream: Duplex, asked: ProtocolVersion): PacketLink {
  let version = asked;
  let packets: Parser | null = null;
  let first = Buffer.alloc(0);
  let ended: ConnectionFailure | null = null;
  const waiters = new Set<Waiter>();

  const end = (failure: ConnectionFailure): void => {
    if (ended !== null) return;
    ended = failure;
    for (const waiter of [...waiters]) waiter.fail(failure);
  };
  const take = (packet: Packet): void => {
    for (const waiter of [...waiters]) if (waiter.take(packet)) return;
    if (packet.cmd === 'disconnect') {
      end({
        kind: 'reason',
        packet: 'disconnect',
        reason_code: packet.reasonCode ?? 0,
        reason_string: packet.properties?.reasonString ?? null,
        server_reference: packet.properties?.serverReference ?? null,
      });
    } else if (packet.cmd === 'publish') acknowledge(packet);
    else if (packet.cmd === 'pubrel') send({ cmd: 'pubcomp', messageId: packet.messageId });
  };
  // Copies of live messages that our own, short session gets: acknowledged, lest its window fills up.
  const acknowledge = (packet: IPublishPacket): void => {
    if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId });
    if (packet.qos === 2) send({ cmd: 'pubrec', messageId: packet.messageId });
  };
  const send = (packet: Packet): void => {
    if (!stream.destroyed && stream.writable) stream.write(generate(packet, { protocolVersion: asked }));
  };

  stream.on('data', (chunk: Buffer) => {
    if (first.length < FIRST_BYTES_KEPT) first = Buffer.concat([first, chunk]).subarray(0, FIRST_BYTES_KEPT);
    let unread = chunk;
    if (packets === null) {
      if (first.length < 2) return;
      // A CONNACK of two bytes is one of 3.1.1, whatever was asked for: that of 5 has three at least.
      if (first[0] === 0x20 && first[1] === 0x02) version = 4;
      packets = parser({ protocolVersion: version });
      packets.on('packet', take);
      packets.on('error', (error: Error) => {
        end(Object.assign(error, { stage: undefined }));
        stream.destroy();
      });
      unread = first.length > chunk.length ? first : chunk;
    }
    packets.parse(unread);
  });
  void watchEnd(stream).then(end);

  async function waitFor<T>(pick: (packet: Packet) => T | undefined, limit: TimeLimit): Promise<T> {
    if (ended !== null) throw new StageFailure(ended);
    let waiter: Waiter | undefined;
    const picked = new Promise<T>((resolve, reject) => {
      waiter = {
        take: (packet) => {
          const value = pick(packet);
          if (value === undefined) return false;
          resolve(value);
          return true;
        },
        fail: (failure) => reject(new StageFailure(failure)),
      };
      waiters.add(waiter);
    });
    try {
      return await limit.wait(picked);
    } finally {
      if (waiter) waiters.delete(waiter);
    }
  }

  return {
    send,
    receive(pick, limit) {
      const received = waitFor(pick, limit);
      // Handled here too: who registers before sending may fail before awaiting, and that must not end the process.
      received.catch(() => undefined);
      return received;
    },
    firstBytes: () => first,
    version: () => version,
    close() {
      send({ cmd: 'disconnect' });
      stream.end();
      // What doesn't end by itself must not keep the process alive.
      setTimeout(() => stream.destroy(), 250).unref();
    },
  };
}

export const isConnack = (packet: Packet): IConnackPacket | undefined =>
  packet.cmd === 'connack' ? packet : undefined;
