import { createHash } from 'node:crypto';
import {
  buildConnector,
  type Connector,
  type ConnectorOptions,
  type Dispatcher,
  type EgressPolicy,
  EgressRefusedError,
  errors,
  Pool,
} from '@cortex-mqtt/egress';
import { ActionFault } from '../action-fault';

/** What is needed of the egress policy. */
export type EgressGuard = Pick<EgressPolicy, 'lookup' | 'checkLiteral'>;

/** Certificates of a connection, PEM. Requests that differ in them never share a connection. */
export interface TlsIdentity {
  ca: string | null;
  cert: string | null;
  key: string | null;
}

/** Where a request goes, as `URL` has it. */
export interface HttpTarget {
  origin: string;
  /** With the query. */
  path: string;
}

export interface HttpRequest {
  target: HttpTarget;
  method: string;
  /** Name, value, name, value, … as undici takes them with the least work. */
  headers: string[];
  body: string | Buffer | null;
  tls: TlsIdentity | null;
  timeout_ms: number;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Beginning of the body, at most 64 kB. */
  body: Buffer;
  /** The body was longer and has been cut; the connection with it. */
  truncated: boolean;
}

/** Sends HTTP/1.1 requests over kept connections, one pool an origin. */
export interface HttpSender {
  /** Throws ActionFault: not permanent, with the phase it ended in; permanent when egress is refused. */
  send(request: HttpRequest, options: { signal?: AbortSignal }): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface HttpSenderDeps {
  egress: EgressGuard;
  /** Connections to one origin. */
  connections?: number;
  /** Milliseconds to connect, TLS included, within the request's own time. */
  connect_timeout_ms?: number;
}

/** As much of an answer is read; what comes after is of no use to us. */
const MAX_ANSWER_BYTES = 65_536;
/** Origins with a pool; beyond that the one unused for longest is closed. */
const MAX_POOLS = 500;

type Phase = 'connect' | 'headers' | 'body';

export function createHttpSender({
  egress,
  connections = 128,
  connect_timeout_ms = 10_000,
}: HttpSenderDeps): HttpSender {
  const pools = new Map<string, Pool>();
  const attendants = new WeakMap<AbortSignal, Set<Exchange>>();

  /** Those that a signal ends. One listener a signal: adding and removing one for each request would cost more than a timer. */
  function exchangesOf(signal: AbortSignal): Set<Exchange> {
    let open = attendants.get(signal);
    if (!open) {
      const made = new Set<Exchange>();
      signal.addEventListener(
        'abort',
        () => {
          for (const exchange of [...made]) exchange.stop();
        },
        { once: true },
      );
      attendants.set(signal, made);
      open = made;
    }
    return open;
  }

  function poolFor(origin: string, tls: TlsIdentity | null): Pool {
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
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      // Time limits are ours: one a request, over all of its phases.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: guardedConnector(egress, tls, connect_timeout_ms),
    });
    pools.set(key, pool);
    if (pools.size > MAX_POOLS) {
      const [oldestKey, oldest] = pools.entries().next().value ?? [];
      if (oldestKey !== undefined && oldest) {
        pools.delete(oldestKey);
        oldest.close().catch(() => oldest.destroy());
      }
    }
    return pool;
  }

  return {
    send: (request, { signal }) =>
      new Promise((resolve, reject) => {
        const exchange = new Exchange(request, resolve, reject);
        if (signal?.aborted) exchange.stop();
        else exchange.start(poolFor(request.target.origin, request.tls), signal ? exchangesOf(signal) : null);
      }),
    close: async () => {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

/** One request and what comes of it. The handler of undici's lowest interface: nothing between us and the parser. */
class Exchange implements Dispatcher.DispatchHandler {
  private phase: Phase = 'connect';
  private controller: Dispatcher.DispatchController | null = null;
  private status = 0;
  private headers: HttpAnswer['headers'] = {};
  private readonly chunks: Buffer[] = [];
  private received = 0;
  private settled = false;
  private timer: NodeJS.Timeout | null = null;
  private attendants: Set<Exchange> | null = null;

  constructor(
    private readonly request: HttpRequest,
    private readonly resolve: (answer: HttpAnswer) => void,
    private readonly reject: (fault: ActionFault) => void,
  ) {}

  stop(): void {
    this.fail(
      new ActionFault('the attempt was stopped', { permanent: false, detail: { code: 'ABORTED', phase: this.phase } }),
    );
  }

  /** Stays in `attendants` for as long as it can be stopped. */
  start(pool: Pool, attendants: Set<Exchange> | null): void {
    this.attendants = attendants;
    attendants?.add(this);
    const { timeout_ms, target, method, headers, body } = this.request;
    this.timer = setTimeout(() => this.fail(timeoutFault(this.phase, timeout_ms)), timeout_ms);
    pool.dispatch(
      {
        path: target.path,
        method: method as Dispatcher.HttpMethod,
        headers,
        body,
      } as Dispatcher.DispatchOptions,
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It waited for a connection for too long: nothing has been sent yet, and nothing shall be.
    if (this.settled) controller.abort(new Error('given up'));
    else this.phase = 'headers';
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpAnswer['headers']): void {
    if (status < 200) return;
    this.phase = 'body';
    this.status = status;
    this.headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.settled) return;
    const room = MAX_ANSWER_BYTES - this.received;
    if (chunk.length > room) {
      this.chunks.push(chunk.subarray(0, room));
      this.succeed({ truncated: true });
      controller.abort(new Error('the answer is longer than what is read'));
      return;
    }
    this.chunks.push(chunk);
    this.received += chunk.length;
  }

  onResponseEnd(): void {
    this.succeed({ truncated: false });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(transportFault(error, this.phase));
  }

  private succeed({ truncated }: { truncated: boolean }): void {
    if (this.settled) return;
    this.finish();
    const body = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
    this.resolve({ status: this.status, headers: this.headers, body, truncated });
  }

  private fail(fault: ActionFault): void {
    if (this.settled) return;
    this.finish();
    this.reject(fault);
    this.controller?.abort(fault);
  }

  private finish(): void {
    this.settled = true;
    if (this.timer) clearTimeout(this.timer);
    this.attendants?.delete(this);
  }
}

function timeoutFault(phase: Phase, timeout_ms: number): ActionFault {
  const what = { connect: 'no connection', headers: 'no answer', body: 'no complete answer' }[phase];
  return new ActionFault(`${what} within ${timeout_ms} ms`, { permanent: false, detail: { code: 'TIMEOUT', phase } });
}

function transportFault(error: Error, phase: Phase): ActionFault {
  if (error instanceof ActionFault) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'TRANSPORT';
  if (error instanceof EgressRefusedError) {
    return new ActionFault(`${error.message}. ${error.advice}`, {
      permanent: true,
      detail: { code: 'EGRESS_REFUSED', phase },
      cause: error,
    });
  }
  // The definition's fault (an invalid header, say), not the network's.
  const permanent = error instanceof errors.InvalidArgumentError;
  return new ActionFault(`${wordsOf(code)}: ${error.message}`, { permanent, detail: { code, phase }, cause: error });
}

function wordsOf(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name was not found';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection broke';
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'no connection in time';
    default:
      return /^(?:CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
        ? 'the certificate was not accepted'
        : 'the request failed';
  }
}

function guardedConnector(egress: EgressGuard, tls: TlsIdentity | null, timeout: number): Connector {
  const connect = buildConnector({
    timeout,
    lookup: egress.lookup,
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
  } as ConnectorOptions);
  return (options, callback) => {
    try {
      // Literals are never looked up.
      const host = options.hostname.replace(/^\[|\]$/g, '');
      egress.checkLiteral(host);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connect(options, callback);
  };
}

function identityKey(tls: TlsIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([tls.ca, tls.cert, tls.key]))
    .digest('base64url');
}
