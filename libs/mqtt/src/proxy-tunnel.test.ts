import type { BrokerConnection, ConnectionTestResult } from '@cortex-mqtt/contracts';
import { createEgressPolicy, type EgressPolicy } from '@cortex-mqtt/egress';
import {
  createTestCertificates,
  freePort,
  type HttpProxy,
  type Mosquitto,
  startHttpProxy,
  startMosquitto,
  type TestCertificates,
} from '@cortex-mqtt/testing';
import { MqttClient } from 'mqtt';
import { buildClientOptions } from './client-options';
import { diagnoseFailure } from './diagnosis/diagnosis';
import { probeConnection } from './probe/probe';
import { proxyUrlFault } from './proxy-tunnel';
import { buildBroker } from './testing/build-broker';
import { startScriptedServer } from './testing/scripted-server';

const loopback = createEgressPolicy({ allow: ['loopback'] });

/** Connects as the live session does; resolves when the broker has accepted, rejects with how it failed. */
async function connectOnce(broker: BrokerConnection, egress: EgressPolicy = loopback): Promise<void> {
  const { options, buildStream } = buildClientOptions(broker, { client_id: 'proxied', egress });
  const client = new MqttClient(buildStream, options);
  try {
    await new Promise((resolve, reject) => {
      client.once('connect', resolve);
      client.once('error', reject);
      client.connect();
    });
  } finally {
    await client.endAsync(true);
  }
}

const test = (
  broker: BrokerConnection,
  egress: EgressPolicy = loopback,
  timeout_ms = 10_000,
): Promise<ConnectionTestResult> =>
  probeConnection(
    { id: 'test-1', broker, topic_filters: [], roundtrip_topic: null, timeout_ms },
    { egress, tested_from: 'orchestrator' },
  );

describe('a websocket through an HTTP proxy', () => {
  let certificates: TestCertificates;
  let broker: Mosquitto;
  let proxy: HttpProxy;
  let ws: BrokerConnection;
  let wss: BrokerConnection;

  beforeAll(async () => {
    certificates = await createTestCertificates();
    const { certFile: cert, keyFile: key } = certificates.server;
    // Mosquitto does not start with websocket listeners alone.
    broker = await startMosquitto({
      listeners: [{}, { protocol: 'websockets' }, { protocol: 'websockets', tls: { cert, key } }],
    });
  });
  beforeEach(async () => {
    proxy = await startHttpProxy();
    const common = { proxy_url: proxy.url, host: 'localhost' };
    ws = buildBroker({ ...common, transport: 'ws', port: broker.listeners[1]!.port });
    wss = buildBroker({
      ...common,
      transport: 'wss',
      port: broker.listeners[2]!.port,
      ca_cert: certificates.ca.cert,
    });
  });
  afterEach(() => proxy.stop());
  afterAll(() => broker.stop());

  it('is what the live session connects by, with and without TLS', async () => {
    await connectOnce(ws);
    await connectOnce(wss);
    expect(proxy.targets).toEqual([`localhost:${ws.port}`, `localhost:${wss.port}`]);
  });

  it('is tested stage by stage, the proxy being one of them', async () => {
    const { diagnosis, stages } = await test(wss);
    expect(diagnosis).toBeNull();
    const passed = stages.filter(({ state }) => state === 'passed').map(({ stage }) => stage);
    expect(passed).toEqual(['dns', 'tcp', 'proxy', 'tls', 'websocket', 'connect']);
    expect(stages.find(({ stage }) => stage === 'tcp')?.detail).toMatchObject({ port: proxy.port });
    expect(stages.find(({ stage }) => stage === 'proxy')?.detail).toMatchObject({
      proxy: `127.0.0.1:${proxy.port}`,
      target: `localhost:${wss.port}`,
    });
  });

  it.each([
    [403, 'PROXY_FORBIDS'],
    [407, 'PROXY_WANTS_CREDENTIALS'],
    [502, 'PROXY_CANNOT_REACH_BROKER'],
    [405, 'NOT_A_PROXY'],
    [null, 'PROXY_TIMEOUT'],
  ] as const)(
    'tells what it means that the proxy answers %s, in a test and in the live session',
    async (status, code) => {
      proxy.answer(status);
      const broker = { ...ws, connect_timeout_s: status === null ? 1 : 10 };
      const { diagnosis, stages } = await test(broker, loopback, status === null ? 1_000 : 10_000);
      expect(diagnosis).toMatchObject({ stage: 'proxy', code, advice: expect.any(String) });
      expect(stages.filter(({ state }) => state === 'passed').map(({ stage }) => stage)).toEqual(['dns', 'tcp']);
      const failure = await connectOnce(broker).catch((error: Error) => error);
      expect(diagnoseFailure('connect', failure as Error, { broker })).toMatchObject({ stage: 'proxy', code });
    },
  );

  it('gives the proxy the credentials that it wants, and tells when it wants others', async () => {
    proxy.require({ username: 'büro', password: 'a:b' });
    const known = { ...wss, proxy_username: 'büro', proxy_password: 'a:b' };
    await connectOnce(known);
    expect((await test(known)).diagnosis).toBeNull();
    const wrong = { ...known, proxy_password: 'other' };
    expect((await test(wrong)).diagnosis).toMatchObject({ stage: 'proxy', code: 'PROXY_REFUSES_CREDENTIALS' });
    const failure = await connectOnce(wrong).catch((error: Error) => error);
    expect(diagnoseFailure('connect', failure as Error, { broker: wrong })).toMatchObject({
      code: 'PROXY_REFUSES_CREDENTIALS',
    });
    expect((await test(wss)).diagnosis).toMatchObject({ stage: 'proxy', code: 'PROXY_WANTS_CREDENTIALS' });
  });

  it('tells a proxy that is not there, and what is no proxy at all', async () => {
    const gone = { ...ws, proxy_url: `http://127.0.0.1:${await freePort()}` };
    expect((await test(gone)).diagnosis).toMatchObject({
      stage: 'tcp',
      code: 'CONNECTION_REFUSED',
      cause: expect.stringContaining('The HTTP proxy cannot be reached.'),
    });
    const failure = await connectOnce(gone).catch((error: Error) => error);
    expect(diagnoseFailure('connect', failure as Error, { broker: gone })).toMatchObject({
      code: 'CONNECTION_REFUSED',
      cause: expect.stringContaining('The HTTP proxy cannot be reached.'),
    });
    const other = await startScriptedServer((socket) => socket.once('data', () => socket.end('220 mail\r\n')));
    const closing = await startScriptedServer((socket) => socket.once('data', () => socket.end()));
    const at = (port: number) => test({ ...ws, proxy_url: `http://127.0.0.1:${port}` });
    expect((await at(other.port)).diagnosis).toMatchObject({ stage: 'proxy', code: 'NOT_A_PROXY' });
    expect((await at(closing.port)).diagnosis).toMatchObject({ stage: 'proxy', code: 'PROXY_CLOSED' });
    await other.stop();
    await closing.stop();
  });

  it('holds proxy and broker against the egress policy, and asks the proxy for nothing that is refused', async () => {
    const only = (...allow: string[]): EgressPolicy =>
      createEgressPolicy({
        allow,
        resolve: (host, _options, done) =>
          done(null, [{ address: host === 'localhost' ? '10.0.0.1' : '127.0.0.1', family: 4 }]),
      });
    for (const [egress, stage] of [
      [only(), 'dns'],
      [only('loopback'), 'proxy'],
    ] as const) {
      expect((await test(ws, egress)).diagnosis).toMatchObject({ stage, code: 'EGRESS_REFUSED' });
      const failure = await connectOnce(ws, egress).catch((error: Error) => error);
      expect(failure).toMatchObject({ code: 'EGRESS_REFUSED', stage });
    }
    const metadata = { ...ws, host: '169.254.169.254' };
    expect((await test(metadata)).diagnosis).toMatchObject({ stage: 'proxy', code: 'EGRESS_REFUSED' });
    await expect(connectOnce(metadata)).rejects.toMatchObject({ code: 'EGRESS_REFUSED' });
    expect(proxy.targets).toEqual([]);
  });
});

it('takes the address of a proxy and nothing else', () => {
  expect(proxyUrlFault('http://proxy.example.com:3128')).toBeNull();
  expect(proxyUrlFault('http://[::1]:3128/')).toBeNull();
  for (const bad of ['proxy:3128', 'https://proxy', 'socks5://proxy', 'http://u:p@proxy', 'http://proxy/path', 'x y']) {
    expect(proxyUrlFault(bad)).toEqual(expect.any(String));
  }
});
