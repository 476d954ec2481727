import { once } from 'node:events';
import { Agent, createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RawCall {
  method: string;
  /** As it goes over the wire, percent-encoding and all. */
  path: string;
  headers?: Record<string, string>;
  /** As it goes over the wire. */
  body?: string;
}

export interface RawAnswer {
  /** 0 = no answer within the limit. */
  status: number;
  text: string;
}

/** Many calls to one server over few connections, which supertest's server for each call can't do. */
export interface HttpCalls {
  send(call: RawCall): Promise<RawAnswer>;
  close(): void;
}

/** `limit_ms` bounds each call; an event stream is left once it has begun. */
export async function startHttpCalls(
  app: RequestListener,
  { connections, limit_ms }: { connections: number; limit_ms: number },
): Promise<HttpCalls> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send: ({ method, path, headers = {}, body }) =>
      new Promise((resolve, reject) => {
        const length =
          body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
        const sent = request(
          { host: '127.0.0.1', port, agent, method: method.toUpperCase(), path, headers: { ...length, ...headers } },
          (response) => {
            const status = response.statusCode ?? 0;
            if (response.headers['content-type']?.startsWith('text/event-stream')) {
              resolve({ status, text: '' });
              response.destroy();
              return;
            }
            const parts: Buffer[] = [];
            response.on('data', (part: Buffer) => parts.push(part));
            response.once('end', () => {
              clearTimeout(timer);
              resolve({ status, text: Buffer.concat(parts).toString() });
            });
          },
        );
        const timer = setTimeout(() => {
          resolve({ status: 0, text: '' });
          sent.destroy();
        }, limit_ms);
        sent.once('error', (error) => {
          clearTimeout(timer);
          reject(error);
        });
        sent.end(body);
      }),
    close() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
