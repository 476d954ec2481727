import { randomBytes } from 'node:crypto';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { generate } from 'mqtt-packet';
import type { PortSpeaks } from '../diagnosis/failure';
import type { TimeLimit } from './time-limit';

/** A port, by an address that has been allowed already. */
export interface Port {
  address: string;
  port: number;
  /** For SNI and the `Host` header. */
  name: string;
  path: string;
}

/** Not alerts of a peer that speaks TLS, but signs of one that doesn't. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNKNOWN_PROTOCOL|RECORD_LAYER_FAILURE/;

/** Says a plain CONNECT without credentials. */
export async function speaksMqtt(port: Port, limit: TimeLimit): Promise<PortSpeaks | null> {
  const first = await ask(plain(port), limit, anonymousConnect());
  return isMqttAnswer(first) ? 'mqtt' : null;
}

/** Begins a TLS handshake. The certificate doesn't matter, and nothing is said in it. */
export async function speaksTls(
  port: Port,
  limit: TimeLimit,
  then: 'mqtt-tls' | 'websocket-tls',
): Promise<PortSpeaks | null> {
  const socket = encrypted(port);
  const answer = new Promise<PortSpeaks | null>((resolve) => {
    socket.once('secureConnect', () => resolve(then));
    socket.once('error', (error: Error & { code?: string }) => {
      const code = error.code ?? '';
      resolve(code.startsWith('ERR_SSL_') && !NOT_TLS.test(code) ? then : null);
    });
    socket.once('close', () => resolve(null));
  });
  return finish(answer, socket, limit);
}

/** Asks for a websocket: tells one from a plain web server. */
export async function speaksHttp(port: Port, limit: TimeLimit, over: 'tcp' | 'tls'): Promise<PortSpeaks | null> {
  const request = [
    `GET ${port.path} HTTP/1.1`,
    `Host: ${port.name}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: mqtt',
    '',
    '',
  ].join('\r\n');
  const first = (await ask(over === 'tls' ? encrypted(port) : plain(port), limit, request)).toString('latin1');
  if (/^HTTP\/1\.[01] 101/.test(first)) return over === 'tls' ? 'websocket-tls' : 'websocket';
  if (first.startsWith('HTTP/')) return over === 'tls' ? 'https' : 'http';
  return null;
}

/** Says a CONNECT without credentials inside TLS. */
export async function speaksMqttOverTls(port: Port, limit: TimeLimit): Promise<PortSpeaks | null> {
  const first = await ask(encrypted(port), limit, anonymousConnect());
  return isMqttAnswer(first) ? 'mqtt-tls' : null;
}

const plain = (port: Port): Socket => netConnect({ host: port.address, port: port.port });
const encrypted = (port: Port): Socket =>
  tlsConnect({
    host: port.address,
    port: port.port,
    servername: isIP(port.name) ? '' : port.name,
    rejectUnauthorized: false,
  });

const anonymousConnect = (): Buffer =>
  generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: `cmqs${randomBytes(8).toString('hex')}`,
    keepalive: 10,
  });

/** A CONNACK, whatever it says. */
const isMqttAnswer = (first: Buffer): boolean => first[0] === 0x20 && first[1] === 0x02;

/** Sends `request` and gives the first bytes that come back, none when the other side closes or says nothing. */
function ask(socket: Socket, limit: TimeLimit, request: Buffer | string): Promise<Buffer> {
  const answer = new Promise<Buffer>((resolve) => {
    socket.once('data', resolve);
    socket.once('error', () => resolve(Buffer.alloc(0)));
    socket.once('close', () => resolve(Buffer.alloc(0)));
    socket.write(request);
  });
  return finish(answer, socket, limit).then((first) => first ?? Buffer.alloc(0));
}

/** Silence is an answer too: null. */
async function finish<T>(answer: Promise<T>, socket: Socket, limit: TimeLimit): Promise<T | null> {
  try {
    return await limit.wait(answer);
  } catch {
    return null;
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}
