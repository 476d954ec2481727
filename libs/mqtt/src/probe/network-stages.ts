import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { isNativeError } from 'node:util/types';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { mostTelling } from '../diagnosis/network-faults';
import { LONGEST_VERDICT_MS, openWebsocket, tlsOptions, websocketUrl } from '../transport';
import { StageFailure, type TimeLimit, watchEnd } from './time-limit';
import { describeTls, type TlsDetail } from './tls-detail';

/** What a stage finds is written here while it runs, so that a failure has it too. */
export type StageDetail = Record<string, unknown>;

export interface Address {
  address: string;
  family: number;
}

/** Least time one address gets before the next is tried. */
const ADDRESS_SHARE_MS = 3_000;

/** The addresses of the host that may be reached, in the order to try them. */
export async function resolveHost(
  host: string,
  deps: { egress: EgressPolicy; limit: TimeLimit },
  detail: StageDetail,
): Promise<Address[]> {
  detail.host = host;
  deps.egress.checkLiteral(host);
  const family = isIP(host);
  if (family !== 0) {
    detail.literal = true;
    detail.addresses = [host];
    return [{ address: host, family }];
  }
  const resolved = new Promise<Address[]>((resolve, reject) => {
    deps.egress.lookup(host, { all: true }, (error, address, family) => {
      if (error) reject(error);
      else resolve(Array.isArray(address) ? address : [{ address, family: family ?? isIP(address) }]);
    });
  });
  const addresses = await deps.limit.wait(resolved);
  const distinct = addresses.filter(
    ({ address }, index) => addresses.findIndex((a) => a.address === address) === index,
  );
  detail.addresses = distinct.map(({ address }) => address);
  if (distinct.length === 0) throw Object.assign(new Error(`no address for ${host}`), { code: 'ENODATA' });
  return distinct;
}

/** Connects to the first address that takes it, one after the other. `detail.addresses` tells what became of each. */
export async function connectTcp(
  addresses: Address[],
  port: number,
  limit: TimeLimit,
  detail: StageDetail,
): Promise<{ socket: Socket; address: string }> {
  const tried: { address: string; state: string; error?: string; duration_ms: number }[] = [];
  detail.port = port;
  detail.addresses = tried;
  const failures: unknown[] = [];
  for (const [index, { address }] of addresses.entries()) {
    const isLast = index === addresses.length - 1;
    const share = isLast
      ? limit
      : limit.within(Math.min(ADDRESS_SHARE_MS, limit.remaining_ms() / (addresses.length - index)));
    const started = performance.now();
    const took = () => Math.round((performance.now() - started) * 10) / 10;
    try {
      const socket = await openTcp(address, port, share);
      tried.push({ address, state: 'connected', duration_ms: took() });
      detail.local_address = socket.localAddress ?? null;
      return { socket, address };
    } catch (error) {
      const failure = error instanceof StageFailure && isNativeError(error.failure) ? error.failure : error;
      if (isNativeError(failure) && 'code' in failure && failure.code === 'ABORT_ERR') throw error;
      failures.push(failure instanceof StageFailure ? withCode('ETIMEDOUT') : failure);
      tried.push({ address, state: 'failed', error: mostTelling(failures.slice(-1)), duration_ms: took() });
    }
  }
  throw withCode(mostTelling(failures));
}

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

/** One TCP connection to one address. */
export async function openTcp(address: string, port: number, limit: TimeLimit): Promise<Socket> {
  const socket = netConnect({ host: address, port });
  socket.setNoDelay(true);
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    void watchEnd(socket).then((failure) => reject(new StageFailure(failure)));
  });
  try {
    return await limit.wait(connected);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * TLS over an open socket. The chain is judged after the handshake instead of in it, so that a certificate at fault can be shown.
 * `rtt_ms`: how long the other side takes to say something.
 */
export async function handshakeTls(
  broker: BrokerConnection,
  socket: Socket,
  deps: { limit: TimeLimit; rtt_ms: number; now: Date },
  detail: StageDetail,
): Promise<{ socket: TLSSocket; tls: TlsDetail }> {
  const secure = tlsConnect({ ...tlsOptions(broker), socket, rejectUnauthorized: false });
  const ended = watchEnd(secure);
  const failed = ended.then((failure) => {
    throw new StageFailure(failure);
  });
  // Waited for in several places, or in none.
  failed.catch(() => undefined);
  // The event comes out of the midst of OpenSSL's reading; a write before it is through garbles the stream.
  const verdict = new Promise<void>((resolve) => secure.once('session', () => setImmediate(resolve)));
  const handshake = new Promise<void>((resolve) => secure.once('secureConnect', () => resolve()));
  try {
    await deps.limit.wait(Promise.race([handshake, failed]));
    const tls = describeTls(secure, deps.now);
    Object.assign(detail, tls);
    if (broker.verify_cert && tls.chain_fault !== null) throw withCode(tls.chain_fault);
    // In TLS 1.3 the client is through before the server has looked at its certificate (RFC 8446, 4.4.2): only a ticket,
    // data or an alert tells.
    if (tls.tls_version === 'TLSv1.3') {
      const silence = Math.min(LONGEST_VERDICT_MS, 3 * deps.rtt_ms + 50, deps.limit.remaining_ms());
      await deps.limit.wait(Promise.race([verdict, failed, after(silence)]));
    }
    return { socket: secure, tls };
  } catch (error) {
    secure.destroy();
    socket.destroy();
    throw error;
  }
}

const after = (span_ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, span_ms).unref();
  });

/** Upgrades to a websocket. `clock_skew_s`: the server's clock minus ours, where its answer has a date. */
export async function upgradeWebsocket(
  broker: BrokerConnection,
  socket: Socket,
  limit: TimeLimit,
  detail: StageDetail,
): Promise<{ stream: Duplex; clock_skew_s: number | null }> {
  detail.url = websocketUrl(broker);
  const { websocket, stream } = openWebsocket(broker, socket, { timeout_ms: Math.max(1, limit.remaining_ms()) });
  const ended = watchEnd(stream);
  let clock_skew_s: number | null = null;
  websocket.once('upgrade', (response) => {
    detail.server = response.headers.server ?? null;
    const date = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(date)) clock_skew_s = Math.round((date - Date.now()) / 1_000);
  });
  const open = new Promise<void>((resolve, reject) => {
    websocket.once('open', resolve);
    websocket.once('error', reject);
    void ended.then((failure) => reject(new StageFailure(failure)));
  });
  try {
    await limit.wait(open);
    detail.subprotocol = websocket.protocol;
    return { stream, clock_skew_s };
  } catch (error) {
    if (isNativeError(error) && 'http_status' in error) detail.http_status = error.http_status;
    websocket.terminate();
    socket.destroy();
    throw error;
  }
}
