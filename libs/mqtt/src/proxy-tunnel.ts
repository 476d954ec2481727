import { request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { BrokerStreamError } from './broker-stream-error';

/** Where the HTTP proxy of a broker is. */
export interface ProxyAddress {
  host: string;
  port: number;
}

const DEFAULT_PROXY_PORT = 80;

/** The proxy between us and the broker; null without one. */
export function proxyOf(broker: Pick<BrokerConnection, 'proxy_url'>): ProxyAddress | null {
  if (broker.proxy_url === null) return null;
  const url = new URL(broker.proxy_url);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || DEFAULT_PROXY_PORT) };
}

/** What is wrong with a proxy's address; null when it can be used. */
export function proxyUrlFault(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL such as http://proxy.example.com:3128';
  const url = new URL(text);
  if (url.protocol !== 'http:')
    return 'must begin with http://: a proxy is spoken to in plain, what goes through it is not';
  if (url.username !== '' || url.password !== '')
    return 'must not have credentials: they go into proxy_username and proxy_password';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'must have a host and a port only';
  return null;
}

type Tunnelled = Pick<BrokerConnection, 'host' | 'port' | 'proxy_username' | 'proxy_password'>;

/** Basic (RFC 7617), at once: a proxy that wants no credentials ignores them. */
function authorization({ proxy_username, proxy_password }: Tunnelled): Record<string, string> {
  if (proxy_username === null && proxy_password === null) return {};
  const credentials = Buffer.from(`${proxy_username ?? ''}:${proxy_password ?? ''}`, 'utf8').toString('base64');
  return { 'Proxy-Authorization': `Basic ${credentials}` };
}

/**
 * Asks the proxy at the other end of `socket` for a tunnel to the broker (CONNECT, RFC 9110, 9.3.6). Resolves with the same socket
 * once bytes go through; rejects with a `BrokerStreamError` when the proxy refuses. Ends when the socket does.
 */
export function openTunnel(broker: Tunnelled, socket: Socket): Promise<Socket> {
  const authority = `${isIP(broker.host) === 6 ? `[${broker.host}]` : broker.host}:${broker.port}`;
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...authorization(broker) },
      createConnection: () => socket,
    });
    asked.once('connect', ({ statusCode = 0 }, tunnel, rest) => {
      if (statusCode < 200 || statusCode > 299) {
        tunnel.destroy();
        reject(
          new BrokerStreamError(
            `the proxy answered ${statusCode} to CONNECT ${authority}`,
            'proxy',
            'PROXY_STATUS',
            statusCode,
          ),
        );
        return;
      }
      if (rest.length > 0) tunnel.unshift(rest);
      resolve(socket);
    });
    asked.once('error', reject);
    asked.end();
  });
}
