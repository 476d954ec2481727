import { createHash } from 'node:crypto';
import { STALL_MS } from '../../deadline';
import type { ActionFault } from '../../action-fault';
import type { HttpAnswer } from './answer-reader';
import { ConnectionPool } from './connection-pool';
import type { TlsIdentity } from '../../tls-identity';
import { Exchange, type HttpRequest } from './exchange';
import type { EgressGuard } from './open-socket';

/** Sends HTTP/1.1 requests over kept connections, one pool an origin. */
export interface HttpSender {
  /** Throws ActionFault: not permanent, with the phase it ended in; permanent when egress is refused. */
  send(request: HttpRequest, options: { signal?: AbortSignal }): Promise<HttpAnswer>;
  /** Requests that wait since all our connections to their destination are in use. */
  readonly waiting: number;
  close(): Promise<void>;
}

export interface HttpSenderDeps {
  egress: EgressGuard;
  /** Connections to one origin. */
  connections?: number;
  /** Milliseconds to connect, TLS included, within the request's own time. */
  connect_timeout_ms?: number;
}

/** Origins with a pool; beyond that the one unused for longest is closed. */
const MAX_POOLS = 500;
/** Time limits are looked at together, this often: a timer for each request costs more than the request line. */
const DEADLINES_EVERY_MS = 20;
const READ_BUFFER_BYTES = 65_536;

export function createHttpSender({
  egress,
  connections = 128,
  connect_timeout_ms = 10_000,
}: HttpSenderDeps): HttpSender {
  const pools = new Map<string, ConnectionPool>();
  /** Everything that has neither answer nor fault yet. */
  const open = new Set<Exchange>();
  const heard = new WeakSet<AbortSignal>();
  const read_buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  let deadline_timer: NodeJS.Timeout | null = null;

  const watchDeadlines = (): void => {
    if (deadline_timer !== null || open.size === 0) return;
    const due_ms = performance.now() + DEADLINES_EVERY_MS;
    deadline_timer = setTimeout(() => {
      deadline_timer = null;
      const now_ms = performance.now();
      const stalled_ms = now_ms - due_ms;
      if (stalled_ms >= STALL_MS) for (const exchange of open) exchange.deadline_ms += stalled_ms;
      for (const exchange of open) if (exchange.deadline_ms <= now_ms) exchange.timeOut();
      watchDeadlines();
    }, DEADLINES_EVERY_MS);
  };

  /** One listener a signal: adding and removing one for each request would cost more than a timer. */
  const listenTo = (signal: AbortSignal): void => {
    if (heard.has(signal)) return;
    heard.add(signal);
    const stop = (): void => {
      for (const exchange of [...open]) if (exchange.signal === signal) exchange.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
  };

  const poolFor = (origin: string, tls: TlsIdentity | null): ConnectionPool => {
    const key = tls === null ? origin : `${origin} ${identityKey(tls)}`;
    const known = pools.get(key);
    if (known) {
      // Only then can the order of use matter.
      if (pools.size > MAX_POOLS / 2) {
        pools.delete(key);
        pools.set(key, known);
      }
      return known;
    }
    const pool = new ConnectionPool({
      origin,
      tls,
      egress,
      read_buffer,
      connect_timeout_ms,
      max_connections: connections,
    });
    pools.set(key, pool);
    if (pools.size > MAX_POOLS) {
      const [oldestKey, oldest] = pools.entries().next().value ?? [];
      if (oldestKey !== undefined) pools.delete(oldestKey);
      oldest?.retire();
    }
    return pool;
  };

  const onSettled = (exchange: Exchange): void => void open.delete(exchange);

  return {
    send: (request, { signal = null }: { signal?: AbortSignal | null }) =>
      new Promise((resolve: (answer: HttpAnswer) => void, reject: (fault: ActionFault) => void) => {
        const exchange = new Exchange(request, signal, { onAnswer: resolve, onFault: reject, onSettled });
        if (signal?.aborted) {
          exchange.stop();
          return;
        }
        if (signal !== null) listenTo(signal);
        open.add(exchange);
        watchDeadlines();
        poolFor(request.origin, request.tls).run(exchange);
      }),
    get waiting() {
      let waiting = 0;
      for (const pool of pools.values()) waiting += pool.waiting_count;
      return waiting;
    },
    close: async () => {
      // First, so that no connection is opened for those that wait.
      for (const pool of pools.values()) pool.destroy();
      pools.clear();
      for (const exchange of [...open]) exchange.stop();
    },
  };
}

function identityKey(tls: TlsIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([tls.ca, tls.cert, tls.key, tls.passphrase]))
    .digest('base64url');
}
