import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from './health';
import type { Metrics } from './metrics';

export interface HealthServerOptions {
  /** 0 takes a free one. */
  port: number;
  /** Loopback by default; `0.0.0.0` where a scraper or an orchestrator outside asks. */
  host?: string;
  health: Health;
  /** Asked for at the first scrape. */
  metrics: () => Pick<Metrics, 'render'>;
  /** More fields for the answer of `/healthz` (config source, revision, …); no secrets. */
  extra?: () => Record<string, unknown>;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/**
 * `/livez`, `/readyz` (503 with the failing dependencies), `/healthz` (live, with `extra`) and `/metrics`, GET and HEAD, for
 * processes that have no API. Rejects when the port is taken.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { health, metrics, extra = () => ({}) } = options;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      sendJson(response, 405, { status: 'method not allowed' });
      return;
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/livez':
        return sendJson(response, 200, health.live());
      case '/healthz':
        return sendJson(response, 200, { ...extra(), ...health.live() });
      case '/readyz': {
        const readiness = await health.ready();
        return sendJson(response, readiness.status === 'ok' ? 200 : 503, readiness);
      }
      case '/metrics': {
        const { content_type, body } = await metrics().render();
        return send(response, { status: 200, content_type, body });
      }
      default:
        return sendJson(response, 404, { status: 'not found' });
    }
  }

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const reason = error instanceof Error ? error.name : 'Error';
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { status: 'failing', error: reason });
    });
  });
  await new Promise<void>((resolve, reject) => {
    // Always handled: a connection that can't be accepted, for want of files, must not end the process.
    server.on('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, { status, content_type: 'application/json', body: JSON.stringify(body) });
}

function send(response: ServerResponse, answer: { status: number; content_type: string; body: string }): void {
  response.writeHead(answer.status, {
    'content-type': answer.content_type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : answer.body);
}
