import type { Exchange, Place } from './exchange';
import { type ConnectionOptions, type ConnectionOwner, HttpConnection } from './http-connection';
import { transportFault } from './transport-fault';

export interface PoolOptions extends Omit<ConnectionOptions, 'owner' | 'tls_session' | 'onTlsSession'> {
  max_connections: number;
}

/** How long a connection stays idle when the destination says nothing. Most servers close after five seconds. */
const IDLE_MS = 4_000;
const MAX_IDLE_MS = 600_000;
/** So much earlier than the destination's own time: its close must not cross our request. */
const IDLE_MARGIN_MS = 1_000;
const SWEEP_MS = 1_000;

/** The connections to one origin with one TLS identity, and the exchanges that wait for one, in order. */
export class ConnectionPool implements ConnectionOwner, Place {
  readonly phase = 'connect';
  private readonly connections = new Set<HttpConnection>();
  /** The one used last is taken first, so that those that are not needed run out. */
  private idle: HttpConnection[] = [];
  private readonly waiting = new Set<Exchange>();
  /** Of those the ones that want a connection which nothing was sent on yet. They go first. */
  private readonly repeated = new Set<Exchange>();
  private readonly connecting = new Set<HttpConnection>();
  private is_closing = false;
  private tls_session: Buffer | null = null;
  private sweep_timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: PoolOptions) {}

  run(exchange: Exchange): void {
    for (let free = this.idle.pop(); free !== undefined; free = this.idle.pop()) {
      if (free.is_usable && free.idle_until_ms > performance.now()) {
        free.begin(exchange);
        return;
      }
      free.close();
    }
    exchange.place = this;
    this.waiting.add(exchange);
    this.connectMore();
  }

  onRepeat(exchange: Exchange): void {
    // Those that are idle have most likely been closed as well.
    for (const connection of this.idle.splice(0)) connection.close();
    exchange.place = this;
    this.repeated.add(exchange);
    this.connectMore();
  }

  /** Requests for which there is no connection. */
  get waiting_count(): number {
    return this.waiting.size + this.repeated.size;
  }

  withdraw(exchange: Exchange): void {
    this.waiting.delete(exchange);
    this.repeated.delete(exchange);
  }

  /** What is under way ends well, then nothing is left. */
  retire(): void {
    this.is_closing = true;
    for (const connection of this.idle.splice(0)) connection.close();
  }

  /** At once; the exchanges are the caller's. */
  destroy(): void {
    this.is_closing = true;
    this.waiting.clear();
    this.repeated.clear();
    for (const connection of [...this.connections]) connection.close();
    if (this.sweep_timer !== null) clearTimeout(this.sweep_timer);
  }

  onFree(connection: HttpConnection, keep_s: number | null): void {
    this.connecting.delete(connection);
    const next = (connection.is_new ? takeFirst(this.repeated) : null) ?? takeFirst(this.waiting);
    if (next !== null) {
      connection.begin(next);
      this.connectMore();
      return;
    }
    const idle_ms = keep_s === null ? IDLE_MS : Math.min(keep_s * 1_000 - IDLE_MARGIN_MS, MAX_IDLE_MS);
    connection.idle_until_ms = performance.now() + idle_ms;
    if (this.is_closing || idle_ms <= 0) {
      connection.close();
      return;
    }
    this.idle.push(connection);
    this.sweep_timer ??= setTimeout(() => this.sweep(), SWEEP_MS).unref();
  }

  onGone(connection: HttpConnection, error: Error | null): void {
    this.connections.delete(connection);
    this.connecting.delete(connection);
    // None of those that wait has asked for this one in particular: it is the first that learns of it.
    if (error !== null) this.firstWaiting()?.fail(transportFault(error, 'connect'));
    this.connectMore();
  }

  private connectMore(): void {
    while (this.connecting.size < this.waiting_count && this.connections.size < this.options.max_connections) {
      try {
        const connection = new HttpConnection({
          ...this.options,
          owner: this,
          tls_session: this.tls_session,
          onTlsSession: (session) => {
            this.tls_session = session;
          },
        });
        this.connections.add(connection);
        this.connecting.add(connection);
      } catch (error) {
        this.firstWaiting()?.fail(transportFault(error as Error, 'connect'));
      }
    }
    this.startClocks();
  }

  /**
   * Connecting takes time of the destination's. Waiting because all our connections are in use doesn't: that clock starts when one
   * is free.
   */
  private startClocks(): void {
    let left = this.connecting.size;
    for (const queue of [this.repeated, this.waiting]) {
      for (const exchange of queue) {
        if (left === 0) return;
        exchange.startClock();
        left -= 1;
      }
    }
  }

  private firstWaiting(): Exchange | null {
    return takeFirst(this.repeated) ?? takeFirst(this.waiting);
  }

  /** Ends connections that have been idle for too long. */
  private sweep(): void {
    this.sweep_timer = null;
    const now_ms = performance.now();
    const stale = this.idle.filter((connection) => connection.idle_until_ms <= now_ms);
    this.idle = this.idle.filter((connection) => connection.idle_until_ms > now_ms && connection.is_usable);
    for (const connection of stale) connection.close();
    if (this.idle.length > 0) this.sweep_timer = setTimeout(() => this.sweep(), SWEEP_MS).unref();
  }
}

function takeFirst(exchanges: Set<Exchange>): Exchange | null {
  for (const exchange of exchanges) {
    exchanges.delete(exchange);
    return exchange;
  }
  return null;
}
