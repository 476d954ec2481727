import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type EmbeddedBroker, startEmbeddedBroker } from './embedded-broker';

/** CONNECT packet, by hand: this package has no MQTT client among its dependencies. */
function connectPacket(protocolVersion: number, username: string, password: string): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  };
  const flags = 0xc2; // user name, password, clean session
  const properties = protocolVersion === 5 ? Buffer.from([0]) : Buffer.alloc(0);
  const body = Buffer.concat([
    ...[text('MQTT'), Buffer.from([protocolVersion, flags, 0, 30]), properties],
    ...[text('tester'), text(username), text(password)],
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

describe('the embedded broker', () => {
  let broker: EmbeddedBroker;

  beforeAll(async () => {
    broker = await startEmbeddedBroker({ username: 'demo', password: 'right' });
  });
  afterAll(() => broker.stop());

  async function returnCode(packet: Buffer): Promise<number | undefined> {
    const socket: Socket = connect(broker.port, '127.0.0.1');
    socket.write(packet);
    const [connack] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(connack[0]).toBe(0x20);
    return connack[3];
  }

  it('lets the one user in', async () => {
    expect(await returnCode(connectPacket(4, 'demo', 'right'))).toBe(0);
  });

  it('refuses a wrong password as such', async () => {
    expect(await returnCode(connectPacket(4, 'demo', 'wrong'))).toBe(4);
  });

  it('refuses MQTT 5 as an unacceptable protocol version, so that clients fall back', async () => {
    expect(await returnCode(connectPacket(5, 'demo', 'right'))).toBe(1);
  });

  it('says that a given port is taken', async () => {
    await expect(startEmbeddedBroker({ port: broker.port, username: 'a', password: 'b' })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});
