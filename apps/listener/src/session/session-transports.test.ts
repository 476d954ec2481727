import { createServer, type IncomingMessage as HttpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import {
  createCertificateAuthority,
  createTestCertificates,
  type Mosquitto,
  startEmbeddedBroker,
  startHttpProxy,
  startMosquitto,
  type TestCertificates,
  waitFor,
} from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { startScriptedBroker } from './scripted-broker.testing';
import { buildBroker, buildDesired, buildSession, type TestedSession } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function startSession(settings: Partial<BrokerConnection> & { port: number }): TestedSession {
  const tested = buildSession();
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  tested.session.start(buildDesired(buildBroker(settings)));
  return tested;
}

describe('a live session on a real broker', () => {
  let certificates: TestCertificates;
  let broker: Mosquitto;

  beforeAll(async () => {
    certificates = await createTestCertificates();
    const { ca, server } = certificates;
    const tls = { cert: server.certFile, key: server.keyFile };
    broker = await startMosquitto({
      listeners: [
        {},
        { tls },
        { tls: { ...tls, ca: ca.certFile, requireCertificate: true } },
        { protocol: 'websockets' },
        { protocol: 'websockets', tls },
      ],
    });
  });
  afterAll(() => broker.stop());

  /** A message published on the plain listener comes by the session. */
  async function receives({ texts, reaches }: TestedSession): Promise<void> {
    await reaches('connected');
    const publisher = await connectAsync(broker.url);
    cleanups.push(() => publisher.endAsync(true));
    const text = `for ${texts().length}`;
    await publisher.publishAsync('orders/1', text, { qos: 1 });
    await waitFor(() => texts().includes(text));
  }
  const port = (listener: number): number => broker.listeners[listener]!.port;
  /** Two authorities in one bundle; the second one has signed. */
  const bundle = async (): Promise<string> =>
    `${(await createCertificateAuthority('Another CA')).cert}\n${certificates.ca.cert}`;

  it('flows over tcp', () => receives(startSession({ port: port(0) })));

  it('flows over TLS with a bundle of authorities', async () => {
    const tested = startSession({ port: port(1), transport: 'tls', ca_cert: await bundle() });
    await receives(tested);
    expect(tested.session.snapshot().broker_info).toMatchObject({ tls: { trusted: true } });
  });

  it('flows over TLS with a client certificate, and is refused in words without', async () => {
    const { ca, client } = certificates;
    const mutual = { port: port(2), transport: 'tls', ca_cert: ca.cert } as const;
    const refused = startSession(mutual);
    await refused.reaches('disconnected');
    expect(refused.session.snapshot().reason_code).toBe('CLIENT_CERTIFICATE_REQUIRED');
    await receives(startSession({ ...mutual, client_cert: client.cert, client_key: client.key }));
  });

  it('flows over a websocket, plain and encrypted', async () => {
    const plain = startSession({ port: port(3), transport: 'ws', path: '/mqtt' });
    await receives(plain);
    // With one client id the two would end each other's connection.
    await plain.session.stop({ drain_ms: 0 });
    await receives(startSession({ port: port(4), transport: 'wss', path: '/mqtt', ca_cert: await bundle() }));
  });

  it('asks for the configuration again when the proxy wants other credentials', async () => {
    const proxy = await startHttpProxy();
    cleanups.push(() => proxy.stop());
    proxy.require({ username: 'us', password: 'new' });
    const settings = { port: port(3), transport: 'ws', host: 'localhost', proxy_url: proxy.url } as const;
    const withPassword = (proxy_password: string) =>
      buildDesired(buildBroker({ ...settings, proxy_username: 'us', proxy_password }));
    const tested = buildSession({ onCredentialsRefused: () => void tested.session.reconcile(withPassword('new')) });
    cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
    tested.session.start(withPassword('old'));
    await receives(tested);
    expect(tested.events[0]).toMatchObject({ type: 'connect_failed', detail: { code: 'PROXY_REFUSES_CREDENTIALS' } });
  });

  it('flows over a websocket through an HTTP proxy', async () => {
    const proxy = await startHttpProxy();
    cleanups.push(() => proxy.stop());
    const through = {
      transport: 'wss',
      host: 'localhost',
      proxy_url: proxy.url,
      ca_cert: certificates.ca.cert,
    } as const;
    await receives(startSession({ ...through, port: port(4) }));
    expect(proxy.targets).toEqual([`localhost:${port(4)}`]);
  });

  it('flows over a websocket behind a web server that knows one path, and a wrong path is told', async () => {
    const server = createServer();
    const websockets = new WebSocketServer({ server, path: '/brokers/orders' });
    const paths: (string | undefined)[] = [];
    websockets.on('connection', (websocket, request: HttpRequest) => {
      paths.push(request.url);
      const stream = createWebSocketStream(websocket);
      const socket = connect(port(0), '127.0.0.1');
      for (const each of [stream, socket]) each.on('error', () => undefined);
      stream.pipe(socket).pipe(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    cleanups.push(() => {
      for (const client of websockets.clients) client.terminate();
    });
    const behind = { transport: 'ws', port: (server.address() as AddressInfo).port } as const;
    await receives(startSession({ ...behind, path: '/brokers/orders' }));
    expect(paths).toEqual(['/brokers/orders']);
    const lost = startSession({ ...behind, path: '/mqtt' });
    await lost.reaches('disconnected');
    expect(lost.session.snapshot().reason_code).toBe('WEBSOCKET_REFUSED');
  });

  it('flows on a broker that speaks 3.1.1 only, and warns of it', async () => {
    const old = await startEmbeddedBroker({ username: 'u', password: 'p' });
    cleanups.push(() => old.stop());
    const { session, texts, reaches } = startSession({ port: old.port, username: 'u', password: 'p' });
    await reaches('connected');
    const publisher = await connectAsync(old.url, { username: 'u', password: 'p' });
    cleanups.push(() => publisher.endAsync(true));
    await publisher.publishAsync('orders/1', 'old', { qos: 1 });
    await waitFor(() => texts().includes('old'));
    expect(session.snapshot()).toMatchObject({
      broker_info: { protocol_version: '3.1.1' },
      warnings: [expect.objectContaining({ code: 'PROTOCOL_FALLBACK' })],
    });
  });
});

describe('what a live session sends', () => {
  it('is SNI of the server name, and the protocols of ALPN', async () => {
    const { ca, wrongName } = await createTestCertificates();
    const broker = await startScriptedBroker();
    cleanups.push(() => broker.stop());
    const seen: { servername: string | false | null; alpn: string | false | null }[] = [];
    const front = createTlsServer({ cert: wrongName.cert, key: wrongName.key, ALPNProtocols: ['x-amzn-mqtt-ca'] });
    const sockets: TLSSocket[] = [];
    front.on('secureConnection', (socket) => {
      sockets.push(socket);
      seen.push({ servername: socket.servername, alpn: socket.alpnProtocol });
      const behind = connect(broker.port, '127.0.0.1');
      for (const each of [socket, behind]) each.on('error', () => undefined);
      socket.pipe(behind).pipe(socket);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => front.close(resolve)));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    const { reaches } = startSession({
      port: (front.address() as AddressInfo).port,
      transport: 'tls',
      ca_cert: ca.cert,
      server_name: 'other.example',
      alpn_protocols: ['mqtt', 'x-amzn-mqtt-ca'],
    });
    await reaches('connected');
    expect(seen).toEqual([{ servername: 'other.example', alpn: 'x-amzn-mqtt-ca' }]);
  });

  it('is a CONNECT with will and delay, user properties, session expiry and receive maximum', async () => {
    const broker = await startScriptedBroker();
    cleanups.push(() => broker.stop());
    const { reaches } = startSession({
      port: broker.port,
      keep_alive: 33,
      session_expiry_s: 7_200,
      receive_maximum: 77,
      user_properties: { team: 'orders', region: 'eu' },
      last_will: { topic: 'listeners/gone', payload: 'gone', qos: 1, retain: true, delay_s: 45 },
    });
    await reaches('connected');
    expect(broker.connections[0]!.connect).toMatchObject({
      protocolVersion: 5,
      clean: false,
      keepalive: 33,
      properties: {
        sessionExpiryInterval: 7_200,
        receiveMaximum: 77,
        userProperties: { team: 'orders', region: 'eu' },
      },
      will: {
        topic: 'listeners/gone',
        payload: Buffer.from('gone'),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 45 },
      },
    });
  });
});

describe('a link that is half-open', () => {
  it.each([
    ['our keep-alive', { keep_alive: 1 }, {}],
    ['the keep-alive that the broker asks for', { keep_alive: 600 }, { properties: { serverKeepAlive: 1 } }],
  ])(
    'is left within one and a half times %s: after one PINGREQ, before there is a second',
    async (_name, own, connack) => {
      const broker = await startScriptedBroker({
        connack: () => connack,
        // The socket stays open and nothing comes back.
        onPacket: ({ cmd }) => cmd === 'pingreq',
      });
      cleanups.push(() => broker.stop());
      const { events, reaches } = startSession({ port: broker.port, ...own });
      await reaches('connected');
      const [connection] = broker.connections;
      await waitFor(() => events.some(({ type }) => type === 'disconnected'), { timeout_ms: 20_000 });
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        detail: { code: 'KEEP_ALIVE_TIMEOUT' },
      });
      // The second one would be due at twice the keep-alive.
      expect(connection!.of('pingreq')).toHaveLength(1);
    },
  );
});
