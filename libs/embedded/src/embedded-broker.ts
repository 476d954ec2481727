import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Aedes, AuthErrorCode } from 'aedes';
import { freePort } from './free-port';

export interface EmbeddedBrokerOptions {
  /** Default: a free port. */
  port?: number;
  username: string;
  password: string;
  /** A client that was refused or a protocol fault; for the log. */
  onClientError?(clientId: string | null, error: Error): void;
}

export interface EmbeddedBroker {
  /** mqtt:// on 127.0.0.1, without credentials. */
  url: string;
  port: number;
  stop(): Promise<void>;
}

/**
 * Starts an MQTT broker inside this process, for the demo: loopback only, one user, MQTT 3.1.1 (it refuses MQTT 5, so
 * clients fall back), no shared subscriptions. Sessions and queued messages live in memory: they end with the process.
 * Production and tests of these features use a real broker.
 *
 * @throws EADDRINUSE when the given port is taken.
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  // Loaded when needed: few who use this package start a broker.
  const aedes = await import('aedes');
  const broker = await aedes.Aedes.createBroker({
    id: 'embedded',
    maxClientsIdLength: 256,
    authenticate: (_client, username, password, done) => {
      if (sameText(username ?? '', options.username) && sameText(password?.toString() ?? '', options.password)) {
        done(null, true);
      } else {
        done(Object.assign(new Error('bad user name or password'), { returnCode: BAD_USERNAME_OR_PASSWORD }), false);
      }
    },
  });
  broker.on('clientError', (client, error) => options.onClientError?.(client.id, error));
  broker.on('connectionError', (client, error) => options.onClientError?.(client.id ?? null, error));

  const sockets = new Set<Socket>();
  const handle = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  };
  let server: Server | null = null;
  for (let attempt = 1; server === null; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      server = await listen(port, handle);
    } catch (error) {
      if (options.port !== undefined || attempt === 5) {
        await closeBroker(broker);
        throw error;
      }
    }
  }
  const listening = server;
  const { port } = listening.address() as { port: number };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    stop: async () => {
      const closed = new Promise((resolve) => listening.close(resolve));
      await closeBroker(broker);
      // A client that never said CONNECT is not the broker's yet.
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}

/** `AuthErrorCode` is a const enum of the package's types; it doesn't exist at run time. */
const BAD_USERNAME_OR_PASSWORD: AuthErrorCode = 4;

function listen(port: number, handle: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(handle);
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(() => resolve()));
}

/** Compares digests: the time taken tells neither length nor content. */
function sameText(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
