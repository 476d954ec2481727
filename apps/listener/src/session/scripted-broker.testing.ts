import { type AddressInfo, createServer, type Socket } from 'node:net';
import { waitFor } from '@cortex-mqtt/testing';
import { generate, type IConnackPacket, type IConnectPacket, type Packet, parser } from 'mqtt-packet';

/** A broker that does just what a test says, for what real brokers don't do on request. */
export interface ScriptedBroker {
  port: number;
  /** Every connection that sent CONNECT, oldest first. */
  connections: ScriptedConnection[];
  /** Resolves with the n-th connection (1 = first) once it sent CONNECT. */
  connection(ordinal: number): Promise<ScriptedConnection>;
  stop(): Promise<void>;
}

export interface ScriptedConnection {
  connect: IConnectPacket;
  socket: Socket;
  /** Packets after CONNECT, in order of receipt. */
  received: Packet[];
  /** Bytes of the acknowledgements (PUBACK, PUBREC, PUBCOMP), in order, in hex. */
  acknowledgements(): string[];
  of<C extends Packet['cmd']>(cmd: C): Extract<Packet, { cmd: C }>[];
  /** Writes all packets in one segment. */
  send(...packets: Packet[]): void;
  sendBytes(bytes: Buffer): void;
}

export interface ScriptedBrokerOptions {
  /** CONNACK to answer CONNECT with; null = none. Default: success, session present when not clean and seen before. */
  connack?: (connect: IConnectPacket, ordinal: number) => Partial<IConnackPacket> | null;
  /** Called with every packet after CONNECT; true = the script has answered it. */
  onPacket?: (packet: Packet, connection: ScriptedConnection) => boolean;
}

/** Answers CONNECT, SUBSCRIBE, UNSUBSCRIBE and PINGREQ by itself; acknowledgements are only recorded. */
export async function startScriptedBroker(options: ScriptedBrokerOptions = {}): Promise<ScriptedBroker> {
  const connections: ScriptedConnection[] = [];
  const sockets = new Set<Socket>();
  const known_clients = new Set<string>();

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let connection: ScriptedConnection | null = null;
    let protocolVersion = 4;
    const packets = parser();
    packets.on('error', () => socket.destroy());
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        protocolVersion = packet.protocolVersion ?? 4;
        connection = openConnection(socket, packet);
        connections.push(connection);
        const default_answer = { sessionPresent: !packet.clean && known_clients.has(packet.clientId) };
        known_clients.add(packet.clientId);
        const answer = options.connack ? options.connack(packet, connections.length) : {};
        if (answer === null) return;
        connection.send({ cmd: 'connack', returnCode: 0, reasonCode: 0, ...default_answer, ...answer });
        return;
      }
      if (!connection) return;
      connection.received.push(packet);
      if (options.onPacket?.(packet, connection)) return;
      if (packet.cmd === 'pingreq') connection.send({ cmd: 'pingresp' });
      if (packet.cmd === 'subscribe') {
        const granted = packet.subscriptions.map((subscription) => subscription.qos);
        connection.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
      }
      if (packet.cmd === 'unsubscribe') {
        const granted = packet.unsubscriptions.map(() => 0);
        connection.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: granted as never });
      }
      if (packet.cmd === 'disconnect') socket.end();
    });
    socket.on('data', (chunk) => packets.parse(chunk));

    function openConnection(socket: Socket, connect: IConnectPacket): ScriptedConnection {
      const received: Packet[] = [];
      return {
        connect,
        socket,
        received,
        acknowledgements: () =>
          received
            .filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec' || cmd === 'pubcomp')
            .map((packet) => `${packet.cmd} ${(packet as { messageId?: number }).messageId}`),
        of: <C extends Packet['cmd']>(cmd: C) =>
          received.filter((packet) => packet.cmd === cmd) as Extract<Packet, { cmd: C }>[],
        send: (...all) =>
          void socket.write(Buffer.concat(all.map((packet) => generate(packet, { protocolVersion } as never)))),
        sendBytes: (bytes) => void socket.write(bytes),
      };
    }
  });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    connection: (ordinal) => waitFor(() => connections[ordinal - 1], { message: `connection ${ordinal}` }),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
