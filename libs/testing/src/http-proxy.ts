import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A forward proxy on the loopback address that makes tunnels (CONNECT), as companies have them. */
export interface HttpProxy {
  port: number;
  /** `http://127.0.0.1:port` */
  url: string;
  /** What tunnels were asked for, `host:port`. */
  targets: string[];
  /** Wants these credentials from now on (Basic), else it answers 407. */
  require(credentials: { username: string; password: string }): void;
  /** Answers this from now on; 200 makes tunnels, null never answers. */
  answer(status: number | null): void;
  stop(): Promise<void>;
}

export async function startHttpProxy(): Promise<HttpProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  let status: number | null = 200;
  let wanted: string | null = null;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((_request, response) => response.writeHead(501).end());
  server.on('connection', keep);
  server.on('connect', ({ url = '', headers }, client: Socket, first: Buffer) => {
    targets.push(url);
    if (status === null) return;
    const answered = wanted !== null && headers['proxy-authorization'] !== wanted ? 407 : status;
    if (answered !== 200) {
      client.end(`HTTP/1.1 ${answered} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${url}`);
    const target = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) }, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.write(first);
      client.pipe(target).pipe(client);
    });
    keep(target);
    target.once('close', () => client.destroy());
    client.once('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    targets,
    require: ({ username, password }) => {
      wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    },
    answer: (next) => {
      status = next;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
