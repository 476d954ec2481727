import { connect as connectTcp, type Socket } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { createTestCertificates, type TestCertificate } from './certificates';
import { type HttpReceiver, startHttpReceiver } from './http-receiver';
import { spawnProcess } from './managed-process';
import { startMosquitto } from './mosquitto';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { waitFor } from './wait-for';

describe('the TCP proxy', () => {
  let receiver: HttpReceiver;
  let proxy: TcpProxy;

  beforeEach(async () => {
    receiver = await startHttpReceiver({ answer: { body: 'hello' } });
    proxy = await startTcpProxy({ target: receiver });
  });
  afterEach(async () => {
    await proxy.stop();
    await receiver.stop();
  });

  async function open(): Promise<Socket> {
    const socket = connectTcp(proxy.port, proxy.host);
    await once(socket, 'connect');
    await waitFor(() => receiver.connections() > 0);
    return socket;
  }
  const ask = (socket: Socket) => socket.write('GET /x HTTP/1.1\r\nHost: test\r\n\r\n');

  it('forwards both ways', async () => {
    const socket = await open();
    ask(socket);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('hello');
    socket.destroy();
  });

  it('holds bytes back in a blackhole and lets them through afterwards, on the same connection', async () => {
    const socket = await open();
    proxy.blackhole();
    ask(socket);
    const other = await open();
    expect(other.readyState).toBe('open');
    expect(proxy.bytesToTarget()).toBe(0);
    expect(receiver.count()).toBe(0);
    const answered = once(socket, 'data');
    await proxy.restore();
    await answered;
    expect(receiver.requests[0]?.url).toBe('/x');
    socket.destroy();
    other.destroy();
  });

  it('keeps the client in the dark when the server dies behind a blackhole', async () => {
    const socket = await open();
    let closed = false;
    socket.once('close', () => {
      closed = true;
    });
    socket.on('error', () => undefined);
    proxy.blackhole();
    await receiver.stop();
    const other = await open();
    expect(closed).toBe(false);
    other.destroy();
    await proxy.restore();
    await waitFor(() => closed);
    receiver = await startHttpReceiver();
  });

  it('resets connections when cut and accepts new ones', async () => {
    const socket = await open();
    const failed = new Promise<string | undefined>((resolve) =>
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    proxy.cut();
    expect(await failed).toBe('ECONNRESET');
    (await open()).destroy();
  });

  it('refuses connections until restored', async () => {
    await proxy.refuse();
    const socket = connectTcp(proxy.port, proxy.host);
    const code = await new Promise<string | undefined>((resolve) =>
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    expect(code).toBe('ECONNREFUSED');
    await proxy.restore();
    (await open()).destroy();
  });
});

describe('the HTTP receiver', () => {
  it('keeps requests and answers as told, per request', async () => {
    const receiver = await startHttpReceiver({ answer: (_, count) => ({ status: count === 1 ? 503 : 202 }) });
    const post = () => fetch(`${receiver.url}/hook?a=1`, { method: 'POST', body: '{"id":7}' });
    expect([(await post()).status, (await post()).status]).toEqual([503, 202]);
    const [first] = await receiver.waitForRequests(2);
    expect(first).toMatchObject({ method: 'POST', url: '/hook?a=1', text: '{"id":7}' });
    expect(first?.json()).toEqual({ id: 7 });
    receiver.answerWith({ fault: 'reset' });
    await expect(post()).rejects.toThrow('fetch failed');
    await receiver.stop();
  });
});

describe('the test certificates', () => {
  async function handshake(server: TestCertificate): Promise<string | null> {
    const { ca } = await createTestCertificates();
    const broker = await startMosquitto({ tls: { cert: server.certFile, key: server.keyFile } });
    try {
      return await new Promise((resolve) => {
        const socket = connectTls(
          { host: '127.0.0.1', port: broker.tls!.port, servername: 'localhost', ca: ca.cert },
          () => {
            socket.destroy();
            resolve(null);
          },
        );
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    } finally {
      await broker.stop();
    }
  }

  it('are good, or bad in the way their name says', async () => {
    const all = await createTestCertificates();
    expect(await handshake(all.server)).toBeNull();
    expect(await handshake(await all.ca.issueServer({ intermediate: 'sent' }))).toBeNull();
    expect(await handshake(all.expired)).toBe('CERT_HAS_EXPIRED');
    expect(await handshake(all.notYetValid)).toBe('CERT_NOT_YET_VALID');
    expect(await handshake(all.wrongName)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await handshake(all.selfSigned)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(await handshake(await all.ca.issueServer({ intermediate: 'unsent' }))).toBe(
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
  });

  it('let a client in with its certificate only', async () => {
    const { ca, server, client, foreignClient } = await createTestCertificates();
    const broker = await startMosquitto({
      tls: { cert: server.certFile, key: server.keyFile, ca: ca.certFile, requireCertificate: true },
    });
    const greet = (with_: { cert?: string; key?: string }) =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ port: broker.tls!.port, servername: 'localhost', ca: ca.cert, ...with_ });
        // CONNECT of MQTT 3.1.1 with an empty client id and a clean session.
        socket.write(Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0]));
        socket.once('data', (packet: Buffer) => {
          socket.destroy();
          resolve(packet.toString('hex'));
        });
        socket.once('error', () => resolve('refused'));
        socket.once('close', () => resolve('refused'));
      });
    expect(await greet({ cert: client.cert, key: client.key })).toBe('20020000');
    expect(await greet({})).toBe('refused');
    expect(await greet({ cert: foreignClient.cert, key: foreignClient.key })).toBe('refused');
    await broker.stop();
  });
});

describe('a spawned process', () => {
  it('hands back its output and its exit', async () => {
    const child = await spawnProcess({ command: process.execPath, args: ['-e', 'console.log("up"); process.exit(3)'] });
    await child.waitForOutput(/up/);
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(child.stdout()).toBe('up\n');
  });

  it('says what it printed when it ends before the awaited line', async () => {
    const child = await spawnProcess({ command: process.execPath, args: ['-e', 'console.error("broken")'] });
    await expect(child.waitForOutput(/ready/)).rejects.toThrow(/broken/);
  });
});
