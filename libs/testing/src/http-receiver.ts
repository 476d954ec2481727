import { setMaxListeners } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from './wait-for';

export interface ReceivedRequest {
  method: string;
  /** Path with query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  /** The body parsed. @throws when it isn't JSON. */
  json<T = unknown>(): T;
  received_at: number;
}

export interface HttpAnswer {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
  /** Wait before answering. */
  delay_ms?: number;
  /** `hang` never answers; `reset` cuts the connection; `hang-after-headers` sends status and headers, and no body. */
  fault?: 'hang' | 'reset' | 'hang-after-headers';
}

export type Answering = HttpAnswer | ((request: ReceivedRequest, count: number) => HttpAnswer | Promise<HttpAnswer>);

export interface HttpReceiverOptions {
  port?: number;
  /** What to answer; default 200. Can be changed with `answerWith`. */
  answer?: Answering;
  /** PEM texts; with `clientCa` a client certificate is required. */
  tls?: { cert: string; key: string; clientCa?: string };
  /** Keep only the count, for benchmarks and large runs. Default false. */
  countOnly?: boolean;
}

export interface HttpReceiver {
  /** http(s)://127.0.0.1:port */
  url: string;
  port: number;
  /** In order of arrival. */
  requests: ReceivedRequest[];
  count(): number;
  /** TCP connections accepted so far. */
  connections(): number;
  answerWith(answer: Answering): void;
  /** Waits until so many requests have come. */
  waitForRequests(count: number, options?: { timeout_ms?: number }): Promise<ReceivedRequest[]>;
  clear(): void;
  stop(): Promise<void>;
}

/** An HTTP server on the loopback address that keeps what it gets and answers as told. */
export async function startHttpReceiver(options: HttpReceiverOptions = {}): Promise<HttpReceiver> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  const stopping = new AbortController();
  // Each answer that is kept waiting listens to it.
  setMaxListeners(0, stopping.signal);
  let answering: Answering = options.answer ?? {};
  let count = 0;
  let connections = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const received = toReceived(request, Buffer.concat(chunks));
    count++;
    if (!options.countOnly) {
      requests.push(received);
    }
    const answer = typeof answering === 'function' ? await answering(received, count) : answering;
    if (answer.delay_ms) {
      await delay(answer.delay_ms, undefined, { signal: stopping.signal });
    }
    send(request, response, answer);
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch(() => {
      // The client went away, or we are stopping: there is nobody left to answer.
      request.destroy();
    });
  };
  const server = options.tls
    ? createHttpsServer(
        {
          cert: options.tls.cert,
          key: options.tls.key,
          ca: options.tls.clientCa,
          requestCert: options.tls.clientCa !== undefined,
          rejectUnauthorized: options.tls.clientCa !== undefined,
        },
        listener,
      )
    : createHttpServer(listener);
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };

  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    count: () => count,
    connections: () => connections,
    answerWith: (answer) => {
      answering = answer;
    },
    waitForRequests: async (wanted, { timeout_ms = 10_000 } = {}) => {
      await waitFor(() => count >= wanted, { timeout_ms, message: () => `${wanted} requests; ${count} came` });
      return requests;
    },
    clear: () => {
      requests.length = 0;
      count = 0;
    },
    stop: async () => {
      stopping.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}

function toReceived(request: IncomingMessage, body: Buffer): ReceivedRequest {
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    body,
    text: body.toString('utf8'),
    json: <T>() => JSON.parse(body.toString('utf8')) as T,
    received_at: Date.now(),
  };
}

function send(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  switch (answer.fault) {
    case 'hang':
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'hang-after-headers':
      response.writeHead(answer.status ?? 200, answer.headers);
      response.flushHeaders();
      return;
    case undefined:
      response.writeHead(answer.status ?? 200, answer.headers);
      if (answer.body === undefined || typeof answer.body === 'string' || Buffer.isBuffer(answer.body)) {
        response.end(answer.body);
      } else {
        const { body } = answer;
        response.once('close', () => body.destroy());
        body.pipe(response);
      }
      return;
    default:
      answer.fault satisfies never;
  }
}
