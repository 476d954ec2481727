import { isIP, connect as netConnect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, TLSSocket, connect as tlsConnect } from 'node:tls';
import { isNativeError } from 'node:util/types';
import type { BrokerConnection, TestStage, Transport } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { WebSocket } from 'ws';
import { ws } from './on-demand';

/** An address that doesn't answer holds up the next one this long; Node's 250 ms gives up on slow but good links. */
const NEXT_ADDRESS_AFTER_MS = 1_000;

export const isEncrypted = (transport: Transport): boolean => transport === 'tls' || transport === 'wss';
export const isWebsocket = (transport: Transport): boolean => transport === 'ws' || transport === 'wss';

/** A failure on the way to the CONNECT packet, with the stage it happened in. `code` is Node's or one of ours. */
export class BrokerStreamError extends Error {
  override name = 'BrokerStreamError';
  constructor(
    message: string,
    readonly stage: TestStage,
    readonly code: string,
    /** HTTP status of a refused websocket upgrade. */
    readonly http_status: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

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
  };
}

/** Address of the websocket. Host and port in it only make the `Host` header: the socket is opened by us. */
export function websocketUrl(broker: BrokerConnection): string {
  const host = isIP(broker.host) === 6 ? `[${broker.host}]` : broker.host;
  const path = broker.path ?? '/mqtt';
  return `${broker.transport}://${host}:${broker.port}${path.startsWith('/') ? path : `/${path}`}`;
}

/**
 * Upgrades an open socket (TLS done, if there is any) to a websocket that speaks MQTT (MQTT 5, 6.0). The stream takes
 * writes before the upgrade is through. A refused upgrade is a `BrokerStreamError` with the HTTP status.
 */
export function openWebsocket(
  broker: BrokerConnection,
  socket: Socket,
  options: { timeout_ms: number },
): { websocket: WebSocket; stream: Duplex } {
  const { createWebSocketStream, WebSocket } = ws();
  const websocket = new WebSocket(websocketUrl(broker), ['mqtt'], {
    createConnection: () => socket,
    handshakeTimeout: options.timeout_ms,
    perMessageDeflate: false,
    followRedirects: false,
  });
  websocket.on('unexpected-response', (request, response) => {
    const status = response.statusCode ?? 0;
    const message = `the server answered ${status} to the websocket upgrade`;
    request.destroy(new BrokerStreamError(message, 'websocket', 'WEBSOCKET_STATUS', status));
    socket.destroy();
  });
  const stream = createWebSocketStream(websocket);
  websocket.on('close', () => stream.destroy());
  return { websocket, stream };
}

/**
 * Opens the way to a broker, up to where the CONNECT packet is written. Every connect goes through the egress policy, by its
 * `lookup` for names and `checkLiteral` for addresses. Returns at once; failures are `error` events with a `stage`.
 */
export function openBrokerStream(broker: BrokerConnection, deps: { egress: EgressPolicy; timeout_ms: number }): Duplex {
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
  const socket = openSocket(broker, deps.egress);
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

function openSocket(broker: BrokerConnection, egress: EgressPolicy): Socket {
  const target = {
    host: broker.host,
    port: broker.port,
    lookup: egress.lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
  };
  if (!isEncrypted(broker.transport)) return netConnect(target);
  return tlsConnect({ ...tlsOptions(broker), ...target });
}
