import { createServer, type Socket } from 'node:net';
import {
  connackPacket,
  PACKET,
  PacketReader,
  packetSplitter,
  PINGRESP,
  publishPacket,
  subackPacket,
} from './mqtt-wire';
import { now_ms, serveWorker } from './worker';

/** Packets of one write. */
const BATCH = 500;

/** One subscriber, from CONNECT on. */
interface Subscriber {
  socket: Socket;
  version: number;
  receive_maximum: number;
  /** Topic filter → Subscription Identifier, 0 = none. */
  filters: Map<string, number>;
  acknowledged: number;
  onAcknowledged: () => void;
  onClosed: () => void;
}

const connected = new Set<Subscriber>();
let whenSubscribed: { filters: number; resolve: () => void } | null = null;

/** The client with the most filters: a listener also looks at the broker's own topics, by a connection that comes and goes. */
function mainSubscriber(): Subscriber | null {
  let main: Subscriber | null = null;
  for (const one of connected) if (main === null || one.filters.size > main.filters.size) main = one;
  return main;
}

function onConnection(socket: Socket): void {
  const self: Subscriber = {
    socket,
    version: 4,
    receive_maximum: 65_535,
    filters: new Map(),
    acknowledged: 0,
    onAcknowledged: () => undefined,
    onClosed: () => undefined,
  };
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    connected.delete(self);
    self.onClosed();
  });
  const split = packetSplitter((first_byte, bytes, start, end) => {
    switch (first_byte >> 4) {
      case PACKET.puback:
        self.acknowledged += 1;
        return;
      case PACKET.connect:
        readConnect(self, bytes, start);
        connected.add(self);
        socket.write(connackPacket(self.version));
        return;
      case PACKET.subscribe:
        socket.write(readSubscribe(self, bytes, start, end));
        if (whenSubscribed && self.filters.size >= whenSubscribed.filters) whenSubscribed.resolve();
        return;
      case PACKET.unsubscribe:
        socket.write(subackPacket(0xb0, (bytes[start]! << 8) | bytes[start + 1]!, 1, self.version));
        return;
      case PACKET.pingreq:
        socket.write(PINGRESP);
        return;
      default:
    }
  });
  socket.on('data', (chunk: Buffer) => {
    split(chunk);
    self.onAcknowledged();
  });
}

function readConnect(self: Subscriber, bytes: Buffer, start: number): void {
  const reader = new PacketReader(bytes, start);
  reader.text();
  self.version = reader.byte();
  if (self.version !== 5) return;
  reader.at += 3;
  const properties = reader.variableByteInteger();
  const end = reader.at + properties;
  while (reader.at < end) {
    const property = reader.byte();
    if (property === 0x21) self.receive_maximum = reader.uint16();
    else if (property === 0x11 || property === 0x27) reader.at += 4;
    else if (property === 0x22) reader.at += 2;
    else if (property === 0x17 || property === 0x19) reader.at += 1;
    else return;
  }
}

function readSubscribe(self: Subscriber, bytes: Buffer, start: number, end: number): Buffer {
  const reader = new PacketReader(bytes, start);
  const id = reader.uint16();
  let identifier = 0;
  if (self.version === 5) {
    const length = reader.variableByteInteger();
    const properties_end = reader.at + length;
    if (length > 0 && reader.byte() === 0x0b) identifier = reader.variableByteInteger();
    reader.at = properties_end;
  }
  let count = 0;
  while (reader.at < end) {
    self.filters.set(reader.text(), identifier);
    reader.byte();
    count += 1;
  }
  return subackPacket(0x90, id, count, self.version);
}

const methods = {
  listen: (_none: null): Promise<number> =>
    new Promise((resolve) => {
      const server = createServer(onConnection).listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    }),
  /** Resolves when a client has that many filters. */
  subscribed: ({ filters }: { filters: number }): Promise<void> =>
    new Promise((resolve) => {
      if ((mainSubscriber()?.filters.size ?? 0) >= filters) resolve();
      else whenSubscribed = { filters, resolve };
    }),
  /** Writes that many PUBLISHes, as many at once as the client allows, and waits for their acknowledgements. */
  run: async ({ topics, count, payload }: { topics: string[]; count: number; payload: string }) => {
    const self = mainSubscriber();
    if (!self) throw new Error('no client is connected to the stub broker');
    const body = Buffer.from(payload);
    const packets = topics.map((topic) =>
      publishPacket(topic, body, self.version === 5 ? (self.filters.get(topic) ?? 0) : null),
    );
    const before = self.acknowledged;
    let sent = 0;
    let isWaitingForDrain = false;
    const started_ms = now_ms();
    await new Promise<void>((resolve, reject) => {
      self.onClosed = () => reject(new Error('the client has left the stub broker'));
      const more = (): void => {
        if (self.acknowledged - before >= count) {
          resolve();
          return;
        }
        while (!isWaitingForDrain && sent < count) {
          const free = self.receive_maximum - (sent - (self.acknowledged - before));
          const take = Math.min(free, count - sent, BATCH);
          // Few at a time would make many small writes.
          if (take < Math.min(BATCH, count - sent, self.receive_maximum / 4)) return;
          const batch: Buffer[] = [];
          for (let taken = 0; taken < take; taken += 1, sent += 1) batch.push(packets[sent % packets.length]!.bytes);
          const bytes = Buffer.concat(batch);
          let at = 0;
          for (let taken = 0; taken < take; taken += 1) {
            const index = sent - take + taken;
            const packet = packets[index % packets.length]!;
            bytes.writeUInt16BE((index % 65_535) + 1, at + packet.id_at);
            at += packet.bytes.length;
          }
          if (!self.socket.write(bytes)) {
            isWaitingForDrain = true;
            self.socket.once('drain', () => {
              isWaitingForDrain = false;
              more();
            });
          }
        }
      };
      self.onAcknowledged = more;
      more();
    });
    self.onAcknowledged = () => undefined;
    self.onClosed = () => undefined;
    return { started_ms, ended_ms: now_ms() };
  },
};

export type StubBrokerMethods = typeof methods;

if (require.main === module) serveWorker(methods);
