import { connect, type Socket } from 'node:net';
import { connectPacket, packetSplitter, publishPacket } from './mqtt-wire';
import { now_ms, serveWorker } from './worker';

/** PUBLISHes that the broker has not acknowledged. */
const WINDOW = 2_000;
const BATCH = 200;

export interface PublishOptions {
  port: number;
  topics: string[];
  count: number;
  payload_bytes: number;
}

interface Connection {
  socket: Socket;
  acknowledged(): number;
  onAcknowledged(listener: () => void): void;
}

async function open(port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let acknowledged = 0;
  let listener: () => void = () => undefined;
  let isAccepted: () => void = () => undefined;
  const accepted = new Promise<void>((resolve, reject) => {
    isAccepted = resolve;
    socket.once('error', reject);
  });
  socket.on(
    'data',
    packetSplitter((first_byte) => {
      if (first_byte >> 4 === 2) isAccepted();
      if (first_byte >> 4 === 4) acknowledged += 1;
      if (first_byte >> 4 === 4 && acknowledged % 50 === 0) listener();
    }),
  );
  socket.write(connectPacket(`bench-publisher-${process.pid}-${Math.random().toString(36).slice(2)}`));
  await accepted;
  return {
    socket,
    acknowledged: () => acknowledged,
    onAcknowledged: (next) => {
      listener = next;
    },
  };
}

/** A JSON document of that size that begins with the time of its publication. */
function payload(bytes: number): Buffer {
  const head = `{"sent_us":${Math.round(now_ms() * 1_000)},"order":{"id":4711,"customer":"`;
  return Buffer.from(`${head}${'x'.repeat(Math.max(0, bytes - head.length - 3))}"}}`);
}

function write(socket: Socket, packet: { bytes: Buffer; id_at: number }, id: number): void {
  packet.bytes.writeUInt16BE(id, packet.id_at);
  socket.write(packet.bytes);
}

const methods = {
  /** Publishes as fast as the broker takes it. Resolves when the broker has acknowledged all. */
  burst: async ({ port, topics, count, payload_bytes }: PublishOptions) => {
    const connection = await open(port);
    const body = payload(payload_bytes);
    const packets = topics.map((topic) => publishPacket(topic, body, null));
    let sent = 0;
    const started_ms = now_ms();
    await new Promise<void>((resolve) => {
      const more = (): void => {
        while (sent < count && sent - connection.acknowledged() < WINDOW) {
          const batch: Buffer[] = [];
          for (let taken = 0; taken < BATCH && sent < count; taken += 1, sent += 1) {
            const { bytes, id_at } = packets[sent % packets.length]!;
            const copy = Buffer.from(bytes);
            copy.writeUInt16BE((sent % 65_000) + 1, id_at);
            batch.push(copy);
          }
          connection.socket.write(Buffer.concat(batch));
        }
        if (connection.acknowledged() >= count) resolve();
      };
      connection.onAcknowledged(more);
      more();
      const poll = setInterval(() => {
        more();
        if (connection.acknowledged() >= count) clearInterval(poll);
      }, 5);
    });
    connection.socket.end();
    return { started_ms, ended_ms: now_ms() };
  },
  /** Publishes at a steady rate, whatever the broker and its subscribers do. */
  pace: async ({ port, topics, count, payload_bytes, rate }: PublishOptions & { rate: number }) => {
    const { socket } = await open(port);
    const started_ms = now_ms();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(count, Math.floor(((now_ms() - started_ms) * rate) / 1_000));
        for (; sent < due; sent += 1) {
          write(
            socket,
            publishPacket(topics[sent % topics.length]!, payload(payload_bytes), null),
            (sent % 65_000) + 1,
          );
        }
        if (sent < count) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    socket.end();
    return { started_ms, ended_ms: now_ms() };
  },
};

export type PublisherMethods = typeof methods;

if (require.main === module) serveWorker(methods);
