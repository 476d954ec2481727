import { createServer, connect, type Server, type Socket } from 'node:net';
import { waitFor } from './wait-for';

export interface TcpProxyOptions {
  target: { port: number; host?: string };
  /** Default: a free port. */
  port?: number;
  /** Who is not admitted is reset (TCP RST) as soon as it has connected. Default: everybody is. */
  admits?: (client: Socket) => boolean;
}

/** Stands between a client and a server on the loopback address and does what bad networks do. */
export interface TcpProxy {
  port: number;
  host: string;
  /** Connections open right now. */
  connections(): number;
  /** Connections accepted so far. */
  accepted(): number;
  bytesToTarget(): number;
  bytesToClient(): number;
  /** Resets every open connection (TCP RST). New ones are accepted as before. */
  cut(): void;
  /** Half-open: sockets stay open, new ones are accepted, and not a byte goes through. */
  blackhole(): void;
  /** Nobody listens any more; open connections are reset. */
  refuse(): Promise<void>;
  /** Holds every chunk back for this long, each way. */
  delay(delay_ms: number): void;
  /** Forwards no more than this each way, per connection. */
  throttle(bytes_per_s: number): void;
  /** Back to a plain wire. What a blackhole held back on wires that are still whole goes through now, in order. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

interface Wire {
  client: Socket;
  target: Socket;
}

type Forward = { kind: 'forward'; delay_ms: number; bytes_per_s: number };
type Mode = Forward | { kind: 'blackhole' };

const PLAIN: Forward = { kind: 'forward', delay_ms: 0, bytes_per_s: Number.POSITIVE_INFINITY };

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const host = '127.0.0.1';
  const wires = new Set<Wire>();
  let mode: Mode = PLAIN;
  let accepted = 0;
  let toTarget = 0;
  let toClient = 0;
  let waiting: (() => void)[] = [];

  function change(next: Mode): void {
    mode = next;
    const released = waiting;
    waiting = [];
    for (const release of released) {
      release();
    }
  }

  async function pump(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      while (mode.kind === 'blackhole') {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      const hold_ms = mode.delay_ms + (chunk.length / mode.bytes_per_s) * 1000;
      if (hold_ms > 0) {
        await new Promise((resolve) => setTimeout(resolve, hold_ms));
      }
      count(chunk.length);
      if (!to.write(chunk)) {
        await new Promise<void>((resolve) => {
          to.once('drain', resolve);
          to.once('close', resolve);
        });
      }
    }
    while (mode.kind === 'blackhole') {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    to.end();
  }

  function open(client: Socket): void {
    accepted++;
    if (options.admits?.(client) === false) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ port: options.target.port, host: options.target.host ?? host });
    const wire: Wire = { client, target };
    wires.add(wire);
    client.setNoDelay(true);
    target.setNoDelay(true);
    const close = () => {
      // What died in a blackhole must not tell the other side: it is swept up at the end of it.
      if (mode.kind !== 'blackhole') {
        destroy(wire);
      }
    };
    for (const socket of [client, target]) {
      socket.on('error', close);
      socket.on('close', close);
    }
    const count = {
      toTarget: (bytes: number) => (toTarget += bytes),
      toClient: (bytes: number) => (toClient += bytes),
    };
    // A broken socket ends its pump with an error that the handlers above have dealt with.
    pump(client, target, count.toTarget).catch(close);
    pump(target, client, count.toClient).catch(close);
  }

  function destroy(wire: Wire): void {
    wires.delete(wire);
    wire.client.destroy();
    wire.target.destroy();
  }

  function cut(): void {
    for (const { client, target } of [...wires]) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
    wires.clear();
  }

  let server: Server | null = await listen(options.port ?? 0);
  const { port } = server.address() as { port: number };

  function listen(onPort: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const listening = createServer({ allowHalfOpen: true }, open);
      listening.once('error', reject);
      listening.listen(onPort, host, () => resolve(listening));
    });
  }

  async function close(): Promise<void> {
    const closing = server;
    server = null;
    cut();
    if (closing) {
      await new Promise((resolve) => closing.close(resolve));
    }
  }

  return {
    port,
    host,
    connections: () => wires.size,
    accepted: () => accepted,
    bytesToTarget: () => toTarget,
    bytesToClient: () => toClient,
    cut,
    blackhole: () => change({ kind: 'blackhole' }),
    refuse: close,
    delay: (delay_ms) => change({ ...PLAIN, delay_ms }),
    throttle: (bytes_per_s) => change({ ...PLAIN, bytes_per_s }),
    restore: async () => {
      for (const wire of [...wires].filter(({ client, target }) => client.destroyed || target.destroyed)) {
        destroy(wire);
      }
      change(PLAIN);
      server ??= await waitFor(() => listen(port).catch(() => null), { message: `port ${port} to be free again` });
    },
    stop: async () => {
      change(PLAIN);
      await close();
    },
  };
}
