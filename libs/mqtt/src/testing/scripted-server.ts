import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { ProtocolVersion } from '@cortex-mqtt/contracts';
import { generate, type Packet, parser } from 'mqtt-packet';

export interface ScriptedServer {
  port: number;
  /** Connections accepted so far. */
  accepted(): number;
  stop(): Promise<void>;
}

/** A server on the loopback address that does with each connection what the script says, for what no broker does on demand. */
export async function startScriptedServer(
  onConnection: (socket: Socket, connection: number) => void,
  options: { tls?: TlsOptions } = {},
): Promise<ScriptedServer> {
  let accepted = 0;
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    accepted += 1;
    socket.on('error', () => undefined);
    onConnection(socket, accepted);
  };
  const server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    accepted: () => accepted,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers each packet with those that `answer` gives; parses in the version of the CONNECT that came. */
export function answerPackets(
  socket: Duplex,
  answer: (packet: Packet, version: ProtocolVersion) => (Packet | Buffer)[] | 'close',
): void {
  let version: ProtocolVersion = 4;
  const packets = parser();
  packets.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connect') version = packet.protocolVersion === 5 ? 5 : 4;
    const answers = answer(packet, version);
    if (answers === 'close') socket.end();
    else
      for (const one of answers) socket.write(Buffer.isBuffer(one) ? one : generate(one, { protocolVersion: version }));
  });
  // Bytes that are no MQTT end the connection, as with a real broker.
  packets.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => packets.parse(chunk));
}

/** A CONNACK that accepts. */
export const accept: Packet = { cmd: 'connack', sessionPresent: false, reasonCode: 0, returnCode: 0 };
