import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which the kernel takes ports of outgoing connections, so that none of those grabs it first. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Whether a TCP port of an address can be listened on right now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') {
        resolve(false);
      } else {
        reject(error);
      }
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A TCP port of the loopback address that was free a moment ago. Whoever uses it must cope with losing the race. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isPortFree(port)) {
      return port;
    }
  }
  throw new Error(`found no free TCP port between ${LOWEST} and ${HIGHEST}`);
}
