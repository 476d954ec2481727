import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DemoReceiver {
  /** Where webhooks go. */
  url: string;
  port: number;
  count(): number;
  stop(): Promise<void>;
}

const KEPT = 20;
const BODY_LIMIT_BYTES = 100_000;

/**
 * The demo's webhook destination on the loopback address: takes any POST, and shows the last ones to whoever looks (GET).
 *
 * @param port the one of last time; any free one when it is taken.
 */
export async function startDemoReceiver(port: number | undefined): Promise<DemoReceiver> {
  const latest: { received_at: string; webhook_id: string | null; body: unknown }[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify({ received: count, latest }, null, 2)}\n`);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text.slice(0, BODY_LIMIT_BYTES - body.length);
    });
    request.on('end', () => {
      count++;
      const id = request.headers['webhook-id'];
      latest.unshift({
        received_at: new Date().toISOString(),
        webhook_id: typeof id === 'string' ? id : null,
        body: parsed(body),
      });
      latest.length = Math.min(latest.length, KEPT);
      response.writeHead(204).end();
    });
  });
  const listen = (wanted: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await listen(port ?? 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw error;
    }
    await listen(0);
  }
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/events`,
    port: address.port,
    count: () => count,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As it came when it isn't JSON: whoever looks wants to see what was sent. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
