import { once } from 'node:events';
import { isIP, connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, TLSSocket, connect as tlsConnect } from 'node:tls';
import { isNativeError } from 'node:util/types';
import type { BrokerConnection, TestStage, Transport } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { WebSocket } from 'ws';
import { BrokerStreamError } from './broker-stream-error';
import { ws } from './on-demand';
import { openTunnel, type ProxyAddress, proxyOf } from './proxy-tunnel';
import { nativeSettingFaults } from './tls-material';

/** An address that doesn't answer holds up the next one this long; Node's 250 ms gives up on slow but good links. */
const NEXT_ADDRESS_AFTER_MS = 1_000;

export const isEncrypted = (transport: Transport): boolean => transport === 'tls' || transport === 'wss';
export const isWebsocket = (transport: Transport): boolean => transport === 'ws' || transport === 'wss';

/** TLS as this broker wants it: SNI, ALPN, CA bundle, client certificate. */
export function tlsOptions(broker: BrokerConnection): ConnectionOptions {
  const name = broker.server_name ?? broker.host;
  return {
    // SNI must not carry an address (RFC 6066, 3), and without it Node would check the certificate against the host.
    servername: isIP(name) ? '' : name,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: broker.verify_cert,
    ...(broker.alpn_protocols.length > 0 ? { ALPNProtocols: broker.alpn_protocols } : {}),
    ...(broker.ca_cert === null ? {} : { ca: broker.ca_cert }),
    ...(broker.client_cert === null ? {} : { cert: broker.client_cert }),
    ...(broker.client_key === null ? {} : { key: broker.client_key }),
    ...(broker.client_key_passphrase == null ? {} : { passphrase: broker.client_key_passphrase }),
  };
}

/** Address of the websocket. Host and port in it only make the `Host` header: the socket is opened by us. */
export function websocketUrl(broker: BrokerConnection): string {
  const host = isIP(broker.host) === 6 ? `[${broker.host}]` : broker.host;
  const path = broker.path ?? '/mqtt';
  return `${broker.transport}://${host}:${broker.port}${path.startsWith('/') ? path : `/${path}`}`;
}

/** The socket below a websocket, TLS done if there is any: one that is on its way, or a promise of one. */
type SocketBelow = Socket | Promise<Socket>;

/**
 * Upgrades a socket to a websocket that speaks MQTT (MQTT 5, 6.0). The stream takes writes before the upgrade is through. A
 * refused upgrade is a `BrokerStreamError` with the HTTP status.
 */
export function openWebsocket(
  broker: BrokerConnection,
  below: SocketBelow,
  options: { timeout_ms: number },
): { websocket: WebSocket; stream: Duplex } {
  const { createWebSocketStream, WebSocket } = ws();
  const websocket = new WebSocket(websocketUrl(broker), ['mqtt'], {
    createConnection: createConnection(below),
    handshakeTimeout: options.timeout_ms,
    perMessageDeflate: false,
    followRedirects: false,
  });
  websocket.on('unexpected-response', (request, response) => {
    const status = response.statusCode ?? 0;
    const message = `the server answered ${status} to the websocket upgrade`;
    const { socket } = response;
    request.destroy(new BrokerStreamError(message, 'websocket', 'WEBSOCKET_STATUS', status));
    socket.destroy();
  });
  const stream = createWebSocketStream(websocket);
  websocket.on('close', () => stream.destroy());
  return { websocket, stream };
}

function createConnection(below: SocketBelow): typeof netConnect {
  if (!(below instanceof Promise)) return (() => below) as typeof netConnect;
  // Node's http takes a socket by callback too (`createConnection` of http.request); the types of ws don't tell.
  const later = (_options: unknown, done: (error: Error | null, socket?: Socket) => void): void => {
    below.then((socket) => done(null, socket), done);
  };
  return later as unknown as typeof netConnect;
}

/**
 * Opens the way to a broker, up to where the CONNECT packet is written. Every connect goes through the egress policy, by its
 * `lookup` for names and `checkLiteral` for addresses. Returns at once; failures are `error` events with a `stage`.
 */
export function openBrokerStream(broker: BrokerConnection, deps: StreamDeps): Duplex {
  const fault = settingsFault(broker);
  if (fault !== null) return failedStream(fault);
  try {
    const proxy = proxyOf(broker);
    return proxy === null ? openDirectly(broker, deps) : openThroughProxy(broker, proxy, deps);
  } catch (error) {
    // Whatever the checks don't know: a failed attempt with a reason, not the end of who connects.
    const message = isNativeError(error) ? error.message : String(error);
    return failedStream(new BrokerStreamError(message, 'tcp', 'INVALID_SETTING'));
  }
}

/** What keeps these settings from being used for a connection at all, by the stage that needs them; null = nothing. */
export function settingsFault(broker: BrokerConnection): BrokerStreamError | null {
  const uses_tls = isEncrypted(broker.transport);
  const [fault] = nativeSettingFaults(broker).filter(({ field }) => uses_tls || field === 'host' || field === 'port');
  if (!fault) return null;
  const stage = fault.field === 'host' ? 'dns' : fault.field === 'port' ? 'tcp' : 'tls';
  const code = /^(ca_cert|client_)/.test(fault.field) ? 'INVALID_CERTIFICATE_SETTING' : 'INVALID_SETTING';
  return new BrokerStreamError(`${fault.field} ${fault.message}`, stage, code);
}

interface StreamDeps {
  egress: EgressPolicy;
  timeout_ms: number;
}

function openDirectly(broker: BrokerConnection, deps: StreamDeps): Duplex {
  const withStage = (error: Error): void => {
    if (!('stage' in error)) Object.assign(error, { stage });
    // mqtt.js keeps an error of a stream to itself unless it has a code.
    if (!('code' in error)) Object.assign(error, { code: 'STREAM_FAILED' });
  };
  // TLSSocket tells the end of TCP by `connect` and the end of TLS by `secureConnect`; before TCP it may be the name.
  let stage: TestStage = 'dns';
  const refusal = literalRefusal(broker.host, deps.egress);
  if (refusal !== null) {
    withStage(refusal);
    return failedStream(refusal);
  }
  if (isIP(broker.host)) stage = 'tcp';
  const target = connectTarget(broker, deps.egress);
  const socket = isEncrypted(broker.transport)
    ? holdUntilVerdict(tlsConnect({ ...tlsOptions(broker), ...target }))
    : netConnect(target);
  socket.on('lookup', (error: Error | null | undefined) => {
    if (!error) stage = 'tcp';
  });
  socket.once('connect', () => {
    stage = isEncrypted(broker.transport) ? 'tls' : isWebsocket(broker.transport) ? 'websocket' : 'connect';
  });
  socket.once('secureConnect', () => {
    stage = isWebsocket(broker.transport) ? 'websocket' : 'connect';
  });
  socket.setNoDelay(true);

  const timer = setTimeout(() => {
    if (stage !== 'connect') socket.destroy(new BrokerStreamError(`no answer in time (${stage})`, stage, 'ETIMEDOUT'));
  }, deps.timeout_ms);
  socket.once('close', () => clearTimeout(timer));

  socket.prependListener('error', withStage);
  if (!isWebsocket(broker.transport)) return socket;

  const { websocket, stream } = openWebsocket(broker, socket, { timeout_ms: deps.timeout_ms });
  websocket.prependListener('error', withStage);
  websocket.once('open', () => {
    stage = 'connect';
  });
  sockets.set(stream, socket);
  return stream;
}

/** Sockets below the streams of websockets. */
const sockets = new WeakMap<Duplex, Socket>();

/** The TLS connection below a stream of `openBrokerStream`; null when there is none. */
export function tlsSocketOf(stream: Duplex): TLSSocket | null {
  const socket = sockets.get(stream) ?? stream;
  return socket instanceof TLSSocket ? socket : null;
}

function literalRefusal(host: string, egress: EgressPolicy): Error | null {
  try {
    egress.checkLiteral(host);
    return null;
  } catch (error) {
    return isNativeError(error) ? error : new Error(String(error));
  }
}

/** A stream that fails as soon as someone can listen: mqtt.js builds it inside `connect()`, where a throw has no place to go. */
function failedStream(error: Error): Duplex {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  process.nextTick(() => stream.destroy(error));
  return stream;
}

function connectTarget({ host, port }: ProxyAddress, egress: EgressPolicy): TcpNetConnectOpts {
  return {
    host,
    port,
    lookup: egress.lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
  };
}

/** Longest wait for the word of a TLS 1.3 server on our certificate, when it sends no tickets. */
export const LONGEST_VERDICT_MS = 400;

/**
 * Keeps what is written back until the server has judged our certificate. With TLS 1.3 the client is through before that
 * (RFC 8446, 4.4.2). A server that refuses sends an alert and closes; had it been sent something meanwhile, closing would reset
 * the connection, and the reset would overtake the alert that tells why.
 */
function holdUntilVerdict(socket: TLSSocket): TLSSocket {
  const started = performance.now();
  socket.cork();
  let is_held = true;
  const release = (): void => {
    if (is_held) socket.uncork();
    is_held = false;
  };
  // The event comes out of the midst of OpenSSL's reading; a write before it is through garbles the stream.
  socket.once('session', () => setImmediate(release));
  socket.once('secureConnect', () => {
    if (socket.getProtocol() !== 'TLSv1.3') {
      release();
      return;
    }
    const handshake_ms = performance.now() - started;
    const timer = setTimeout(release, Math.min(LONGEST_VERDICT_MS, handshake_ms + 50));
    socket.once('close', () => clearTimeout(timer));
  });
  return socket;
}

/** A websocket through an HTTP proxy; `proxy_url` is for websockets only. */
function openThroughProxy(broker: BrokerConnection, proxy: ProxyAddress, deps: StreamDeps): Duplex {
  let stage: TestStage = 'dns';
  const opened = new Set<Socket>();
  const keep = <S extends Socket>(socket: S): S => {
    opened.add(socket);
    // Each wait has a listener of its own; between two there is none, and an error would end the process.
    socket.on('error', () => undefined);
    return socket;
  };

  async function below(): Promise<Socket> {
    deps.egress.checkLiteral(proxy.host);
    const socket = keep(netConnect(connectTarget(proxy, deps.egress)));
    socket.setNoDelay(true);
    socket.once('lookup', (error: Error | null | undefined) => {
      if (!error) stage = 'tcp';
    });
    await once(socket, 'connect');
    stage = 'proxy';
    await deps.egress.checkRemote(broker.host);
    await openTunnel(broker, socket);
    if (!isEncrypted(broker.transport)) {
      stage = 'websocket';
      return socket;
    }
    stage = 'tls';
    const secure = keep(holdUntilVerdict(tlsConnect({ ...tlsOptions(broker), socket })));
    await once(secure, 'secureConnect');
    stage = 'websocket';
    sockets.set(stream, secure);
    return secure;
  }

  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new BrokerStreamError(`no answer in time (${stage})`, stage, 'ETIMEDOUT');
      reject(error);
      for (const socket of opened) socket.destroy(error);
    }, deps.timeout_ms);
  });
  const socket = Promise.race([below(), late]).catch((error: unknown) => {
    for (const each of opened) each.destroy();
    const failure = isNativeError(error) ? error : new Error(String(error));
    throw 'stage' in failure ? failure : Object.assign(failure, { stage });
  });
  // Our own limit ends first: it knows the stage.
  const { websocket, stream } = openWebsocket(broker, socket, { timeout_ms: deps.timeout_ms + 1_000 });
  websocket.prependListener('error', (error: Error) => {
    if (!('stage' in error)) Object.assign(error, { stage });
    if (!('code' in error)) Object.assign(error, { code: 'STREAM_FAILED' });
  });
  websocket.once('open', () => {
    stage = 'connect';
    clearTimeout(timer);
  });
  stream.once('close', () => {
    clearTimeout(timer);
    for (const each of opened) each.destroy();
  });
  return stream;
}
