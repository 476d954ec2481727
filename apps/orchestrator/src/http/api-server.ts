import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiServer {
  host: string;
  port: number;
  /** Takes no more connections and lets requests under way end, for `grace_ms` at most. */
  close(grace_ms: number): Promise<void>;
}

/** Rejects with a message for people when the port is taken. */
export async function startApiServer(
  handler: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<ApiServer> {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, handler);
  // Longer than the idle time of common proxies, so that they, not we, close a connection that is reused.
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    // Always handled: a connection that can't be accepted, for want of files, must not end the process.
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port} on ${host} is taken by another program; set PORT to a free one`, { cause: error })
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: (grace_ms) =>
      new Promise((resolve, reject) => {
        const force = setTimeout(() => server.closeAllConnections(), grace_ms);
        server.close((error) => {
          clearTimeout(force);
          if (error) reject(error);
          else resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
