import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect as netConnect, type Socket } from 'node:net';
import { join } from 'node:path';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { BrokerConnection, ConnectionTestRequest, ConnectionTestResult } from '@cortex-mqtt/contracts';
import { createEgressPolicy, type EgressPolicy } from '@cortex-mqtt/egress';
import {
  createTestCertificates,
  createTestDirectory,
  freePort,
  startMosquitto,
  startTcpProxy,
  type TestCertificates,
} from '@cortex-mqtt/testing';
import type { Packet } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { buildBroker } from '../testing/build-broker';
import { accept, answerPackets, type ScriptedServer, startScriptedServer } from '../testing/scripted-server';
import { probeConnection } from './probe';

const egress = createEgressPolicy({ allow: ['loopback', 'broker.test'] });
const probe = (
  broker: Partial<BrokerConnection>,
  overrides: Partial<ConnectionTestRequest> = {},
  policy: EgressPolicy = egress,
): Promise<ConnectionTestResult> =>
  probeConnection(
    {
      id: 'test-1',
      broker: buildBroker(broker),
      topic_filters: [],
      roundtrip_topic: null,
      timeout_ms: 3_000,
      ...overrides,
    },
    { egress: policy, tested_from: 'orchestrator' },
  );
const detailOf = (result: ConnectionTestResult, name: string): Record<string, unknown> =>
  result.stages.find(({ stage }) => stage === name)?.detail ?? {};

let certificates: TestCertificates;
const servers: { stop(): Promise<void> }[] = [];
beforeAll(async () => {
  certificates = await createTestCertificates();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
const scripted = async (...args: Parameters<typeof startScriptedServer>): Promise<ScriptedServer> => {
  const server = await startScriptedServer(...args);
  servers.push(server);
  return server;
};
/** A broker that answers packets as the script says. */
const brokerThat = (answer: Parameters<typeof answerPackets>[1]): Promise<ScriptedServer> =>
  scripted((socket) => answerPackets(socket, answer));
const connackOf = (code: number): Packet => ({
  cmd: 'connack',
  sessionPresent: false,
  reasonCode: code,
  returnCode: code,
});

describe('probeConnection on the way to the port', () => {
  it('tells a port that nothing listens on', async () => {
    const result = await probe({ port: await freePort() });
    expect(result.diagnosis).toMatchObject({ stage: 'tcp', code: 'CONNECTION_REFUSED' });
    expect(result.stages.map(({ state }) => state)).toEqual(['passed', 'failed', ...Array(6).fill('skipped')]);
  });

  it('tells a port whose packets are dropped', async () => {
    // A listener whose queue is full drops further SYNs, just as a firewall does.
    const mosquitto = await startMosquitto();
    servers.push(mosquitto);
    mosquitto.suspend();
    const held: Socket[] = [];
    const opens = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = netConnect(mosquitto.port, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(false));
        held.push(socket);
        setTimeout(() => resolve(false), 200);
      });
    while (await opens()) expect(held.length).toBeLessThan(5_000);
    const result = await probe({ port: mosquitto.port }, { timeout_ms: 500 });
    for (const socket of held) socket.destroy();
    expect(result.diagnosis).toMatchObject({ stage: 'tcp', code: 'CONNECTION_FILTERED' });
  });

  it('tells a connection that is reset as soon as it is made', async () => {
    const resets = await startResettingServer();
    servers.push(resets);
    const testing = probe({ port: resets.port });
    // Connecting has begun: not looked at again before the reset has come, as with a load balancer close by.
    setImmediate(() => resets.waitForReset());
    const result = await testing;
    expect(result.diagnosis).toMatchObject({ stage: 'tcp', code: 'CONNECTION_RESET' });
  });

  it('tells an address that no route leads to', async () => {
    // The kernel makes no TCP connection to the broadcast address, and says "network is unreachable"; policies refuse it sooner.
    const unchecked = { ...egress, checkLiteral: () => undefined };
    const result = await probe({ host: '255.255.255.255', port: 1883 }, {}, unchecked);
    expect(result.diagnosis).toMatchObject({ stage: 'tcp', code: 'HOST_UNREACHABLE' });
  });

  it('tells a host that DNS does not know, and a DNS that gives no answer', async () => {
    const failing = (code: string): EgressPolicy =>
      createEgressPolicy({
        allow: [],
        resolve: (_host, _options, callback) => setImmediate(callback, Object.assign(new Error(code), { code }), []),
      });
    const unknown = await probe({ host: 'nowhere.test' }, {}, failing('ENOTFOUND'));
    expect(unknown.diagnosis).toMatchObject({ stage: 'dns', code: 'HOST_UNKNOWN' });
    const unavailable = await probe({ host: 'nowhere.test' }, {}, failing('EAI_AGAIN'));
    expect(unavailable.diagnosis).toMatchObject({ stage: 'dns', code: 'DNS_UNAVAILABLE' });
    const silent = createEgressPolicy({ allow: [], resolve: () => undefined });
    const hanging = await probe({ host: 'nowhere.test' }, { timeout_ms: 100 }, silent);
    expect(hanging.diagnosis).toMatchObject({ stage: 'dns', code: 'DNS_TIMEOUT' });
  });

  it('tries the addresses of a name in turn and tells what became of each', async () => {
    const broker = await brokerThat((packet) => (packet.cmd === 'connect' ? [accept] : []));
    const policy = createEgressPolicy({
      allow: ['broker.test'],
      resolve: (_host, _options, callback) =>
        callback(null, [
          { address: '127.0.0.2', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    });
    const result = await probe({ host: 'broker.test', port: broker.port }, {}, policy);
    expect(result.diagnosis).toBeNull();
    expect(detailOf(result, 'tcp').addresses).toMatchObject([
      { address: '127.0.0.2', state: 'failed', error: 'ECONNREFUSED' },
      { address: '127.0.0.1', state: 'connected' },
    ]);
  });

  it('tells a half-open path', async () => {
    const broker = await brokerThat(() => [accept]);
    const proxy = await startTcpProxy({ target: { port: broker.port } });
    servers.push(proxy);
    proxy.blackhole();
    const result = await probe({ port: proxy.port }, { timeout_ms: 500 });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'NO_CONNACK' });
  });
});

/** A server in a thread of its own that resets every connection (TCP RST) at once. */
async function startResettingServer(): Promise<{ port: number; waitForReset(): void; stop(): Promise<void> }> {
  const resets = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const server = require('node:net').createServer((socket) => {
       socket.on('error', () => undefined);
       socket.resetAndDestroy();
       setImmediate(() => {
         Atomics.add(workerData, 0, 1);
         Atomics.notify(workerData, 0);
       });
     });
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true, workerData: resets },
  );
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  return {
    port,
    waitForReset: () => void Atomics.wait(resets, 0, 0, 10_000),
    stop: async () => void (await worker.terminate()),
  };
}

describe('probeConnection against what is no broker', () => {
  it('tells a server that hangs up without a CONNACK', async () => {
    const server = await scripted((socket) => socket.once('data', () => socket.end()));
    const result = await probe({ port: server.port, protocol_version: 4 });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'CLOSED_WITHOUT_CONNACK' });
  });

  it('tells a web server, with and without TLS', async () => {
    const answer = (socket: Socket): void => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
    };
    const plain = await scripted(answer);
    expect((await probe({ port: plain.port })).diagnosis).toMatchObject({ stage: 'connect', code: 'HTTP_PORT' });
    const { server: identity, ca } = certificates;
    const encrypted = await scripted(answer, { tls: { cert: identity.cert, key: identity.key } });
    const result = await probe({ port: encrypted.port, transport: 'tls', ca_cert: ca.cert });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'HTTP_PORT' });
  });

  it('tells a server that speaks something else', async () => {
    const server = await scripted((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const result = await probe({ port: server.port });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'NOT_MQTT' });
  });

  it('tells a server that does not answer the TLS handshake', async () => {
    const server = await scripted(() => undefined);
    const result = await probe({ port: server.port, transport: 'tls' }, { timeout_ms: 500 });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'TLS_TIMEOUT' });
  });

  it.each([
    [401, 'rules'],
    [404, 'path'],
    [302, 'redirects'],
    [503, 'behind'],
  ])('tells a websocket upgrade refused with %i', async (status, advice) => {
    const http = createHttpServer((_request, response) => response.writeHead(status).end());
    http.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const result = await probe({ port, transport: 'ws', path: '/wrong' });
    http.close();
    http.closeAllConnections();
    expect(result.diagnosis).toMatchObject({ stage: 'websocket', code: 'WEBSOCKET_REFUSED' });
    expect(result.diagnosis?.cause).toContain(String(status));
    expect(result.diagnosis?.advice).toContain(advice);
    expect(detailOf(result, 'websocket').http_status).toBe(status);
  });

  it('tells a websocket that is not one of MQTT', async () => {
    const port = await websocketServer(false);
    const result = await probe({ port, transport: 'ws', path: '/' });
    expect(result.diagnosis).toMatchObject({ stage: 'websocket', code: 'WEBSOCKET_NOT_MQTT' });
  });

  it('warns of a clock that differs from that of the server', async () => {
    const port = await websocketServer('mqtt', { date: new Date(Date.now() + 3_600_000) });
    const result = await probe({ port, transport: 'ws', path: '/' }, { timeout_ms: 2_000 });
    expect(result.diagnosis).toBeNull();
    expect(result.warnings.map(({ code }) => code)).toEqual(['CLOCK_SKEW']);
  });
});

/** A websocket server that takes this subprotocol and accepts every CONNECT. */
async function websocketServer(subprotocol: string | false, options: { date?: Date } = {}): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => subprotocol });
  const { date } = options;
  if (date) server.on('headers', (headers) => headers.push(`Date: ${date.toUTCString()}`));
  server.on('connection', (websocket) => {
    const stream = createWebSocketStream(websocket);
    stream.on('error', () => undefined);
    answerPackets(stream, (packet) => (packet.cmd === 'connect' ? [accept] : []));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  servers.push({
    stop: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

describe('probeConnection against TLS servers that refuse', () => {
  const { transport } = { transport: 'tls' as const };
  const identity = () => ({ cert: certificates.server.cert, key: certificates.server.key });

  it('tells a missing client certificate in TLS 1.2, which has no alert for it', async () => {
    const tls = { ...identity(), maxVersion: 'TLSv1.2' as const, requestCert: true, ca: certificates.ca.cert };
    const server = await scripted(() => undefined, { tls });
    const result = await probe({ port: server.port, transport, ca_cert: certificates.ca.cert });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'CLIENT_CERTIFICATE_REQUIRED' });
  });

  it('tells a client certificate that has expired', async () => {
    const old = await certificates.ca.issueClient({
      notBefore: new Date(Date.now() - 10 * 86_400_000),
      notAfter: new Date(Date.now() - 86_400_000),
    });
    const { server, ca } = certificates;
    const tls = { cert: server.certFile, key: server.keyFile, ca: ca.certFile, requireCertificate: true };
    const mosquitto = await startMosquitto({ listeners: [{ tls }] });
    servers.push(mosquitto);
    const client = { client_cert: old.cert, client_key: old.key };
    const result = await probe({ port: mosquitto.port, transport, ca_cert: ca.cert, ...client });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'CLIENT_CERTIFICATE_EXPIRED' });
    expect(result.warnings.map(({ code }) => code)).toContain('CLIENT_CERTIFICATE_EXPIRED');
  });

  it('tells a client certificate that is revoked', async () => {
    const { server, ca } = certificates;
    const revoked = await ca.issueClient();
    const good = await ca.issueClient();
    const tls = { cert: server.certFile, key: server.keyFile, ca: ca.certFile, requireCertificate: true };
    const config = [`crlfile ${await ca.revoke([revoked])}`];
    const mosquitto = await startMosquitto({ listeners: [{ tls, config }] });
    servers.push(mosquitto);
    const withClient = ({ cert, key }: { cert: string; key: string }) =>
      probe({ port: mosquitto.port, transport, ca_cert: ca.cert, client_cert: cert, client_key: key });
    expect((await withClient(good)).diagnosis).toBeNull();
    expect((await withClient(revoked)).diagnosis).toMatchObject({ stage: 'tls', code: 'CLIENT_CERTIFICATE_REVOKED' });
  });

  it('tells a server that hangs up on a client certificate without an alert', async () => {
    const { ca, foreignClient } = certificates;
    const server = await scripted(() => undefined, { tls: { ...identity(), requestCert: true, ca: ca.cert } });
    const client = { client_cert: foreignClient.cert, client_key: foreignClient.key };
    const result = await probe({ port: server.port, transport, ca_cert: ca.cert, ...client });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'CLOSED_AFTER_HANDSHAKE' });
  });

  it('tells an ALPN protocol that the server does not have', async () => {
    const server = await scripted(() => undefined, { tls: { ...identity(), ALPNProtocols: ['x-amzn-mqtt-ca'] } });
    const result = await probe({
      port: server.port,
      transport,
      ca_cert: certificates.ca.cert,
      alpn_protocols: ['mqtt'],
    });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'ALPN_REFUSED' });
  });

  it('warns in steps of a certificate that is about to expire', async () => {
    for (const [days, code] of [
      [20, 'SERVER_CERTIFICATE_EXPIRES_WITHIN_30_DAYS'],
      [3, 'SERVER_CERTIFICATE_EXPIRES_WITHIN_7_DAYS'],
      [0.5, 'SERVER_CERTIFICATE_EXPIRES_WITHIN_1_DAY'],
    ] as const) {
      const soon = await certificates.ca.issueServer({ notAfter: new Date(Date.now() + days * 86_400_000) });
      const server = await scripted(
        (socket) => answerPackets(socket, (packet) => (packet.cmd === 'connect' ? [accept] : [])),
        {
          tls: { cert: soon.cert, key: soon.key },
        },
      );
      const result = await probe(
        { port: server.port, transport, ca_cert: certificates.ca.cert },
        { timeout_ms: 2_000 },
      );
      expect(result.status).toBe('success');
      expect(result.warnings.map((warning) => warning.code)).toEqual([code]);
    }
  });
});

describe('probeConnection against brokers that refuse', () => {
  it.each<[string, 4 | 5, number, string]>([
    ['bad credentials in 3.1.1', 4, 4, 'BAD_CREDENTIALS'],
    ['not authorized in 3.1.1', 4, 5, 'NOT_AUTHORIZED'],
    ['a client id in 3.1.1', 4, 2, 'CLIENT_ID_REFUSED'],
    ['a server that is unavailable in 3.1.1', 4, 3, 'SERVER_UNAVAILABLE'],
    ['the version in 3.1.1', 4, 1, 'PROTOCOL_VERSION_REFUSED'],
    ['bad credentials in 5', 5, 0x86, 'BAD_CREDENTIALS'],
    ['not authorized in 5', 5, 0x87, 'NOT_AUTHORIZED'],
    ['a client id in 5', 5, 0x85, 'CLIENT_ID_REFUSED'],
    ['a busy server in 5', 5, 0x89, 'SERVER_BUSY'],
    ['a ban in 5', 5, 0x8a, 'BANNED'],
    ['another authentication method in 5', 5, 0x8c, 'BAD_AUTHENTICATION_METHOD'],
    ['a quota in 5', 5, 0x97, 'QUOTA_EXCEEDED'],
    ['a move in 5', 5, 0x9d, 'SERVER_MOVED'],
  ])('tells %s', async (_words, protocol_version, code, expected) => {
    const broker = await brokerThat(() => [connackOf(code)]);
    const result = await probe({ port: broker.port, protocol_version });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: expected });
    expect(result.connected).toBe(false);
  });

  it.each<[string, (packet: Packet, version: 4 | 5) => (Packet | Buffer)[] | 'close']>([
    ['its reason code', (_packet, version) => (version === 5 ? [connackOf(0x84)] : [accept])],
    ['the return code of 3.1.1', (_packet, version) => (version === 5 ? [Buffer.from([0x20, 2, 0, 1])] : [accept])],
    ['hanging up', (_packet, version) => (version === 5 ? 'close' : [accept])],
  ])('falls back to 3.1.1 when the broker refuses 5 by %s', async (_words, answer) => {
    const broker = await brokerThat((packet, version) => (packet.cmd === 'connect' ? answer(packet, version) : []));
    const result = await probe({ port: broker.port }, { timeout_ms: 2_000 });
    expect(result.diagnosis).toBeNull();
    expect(result.broker_info.protocol_version).toBe('3.1.1');
    expect(detailOf(result, 'connect').attempts).toMatchObject([
      { protocol_version: '5.0', outcome: expect.any(String) },
      { protocol_version: '3.1.1', outcome: 'accepted' },
    ]);
    expect(result.warnings.map(({ code }) => code)).toEqual(['PROTOCOL_FALLBACK']);
  });

  it('tells who takes the session over while it subscribes', async () => {
    const broker = await brokerThat((packet) => {
      if (packet.cmd === 'connect') return [accept];
      return packet.cmd === 'subscribe' ? [{ cmd: 'disconnect', reasonCode: 0x8e }] : [];
    });
    const result = await probe({ port: broker.port }, { topic_filters: [{ filter: 'a', qos: 1 }] });
    expect(result.diagnosis).toMatchObject({ stage: 'subscribe', code: 'TAKEN_OVER' });
  });

  it('tells the filters that are refused, and those that get a lower QoS', async () => {
    const broker = await brokerThat((packet) => {
      if (packet.cmd === 'connect') return [accept];
      if (packet.cmd !== 'subscribe') return [];
      const granted = packet.subscriptions.map(({ topic }) => (topic.startsWith('secret') ? 0x87 : 0));
      return [{ cmd: 'suback', messageId: packet.messageId, granted }];
    });
    const topic_filters = [...Array(120).keys()].map((n) => ({
      filter: n === 77 ? 'secret/#' : `a/${n}`,
      qos: 1 as const,
    }));
    const result = await probe({ port: broker.port }, { topic_filters });
    expect(result).toMatchObject({ status: 'failed', connected: true });
    expect(result.diagnosis).toMatchObject({ stage: 'subscribe', code: 'NOT_AUTHORIZED_FOR_TOPIC' });
    expect(result.diagnosis?.cause).toContain('"secret/#"');
    expect(detailOf(result, 'subscribe')).toMatchObject({ granted: 119, refused: 1 });
    expect(result.warnings.map(({ code }) => code)).toEqual(['QOS_LOWERED']);
  });

  it.each([
    ['closes the connection at', 'close', 'CLOSED_AT_SUBSCRIBE'],
    ['never answers', [], 'NO_SUBACK'],
  ] as const)('tells a broker that %s the subscription', async (_words, answer, code) => {
    const broker = await brokerThat((packet) => {
      if (packet.cmd === 'connect') return [accept];
      return answer === 'close' ? answer : [];
    });
    const result = await probe({ port: broker.port }, { topic_filters: [{ filter: 'a', qos: 1 }], timeout_ms: 800 });
    expect(result.diagnosis).toMatchObject({ stage: 'subscribe', code });
  });

  it("tells a subscription that Mosquitto's access rules refuse", async () => {
    const file = join(createTestDirectory('dynamic-security'), 'rules.json');
    const rules = {
      defaultACLAccess: { publishClientSend: true, publishClientReceive: true, subscribe: false, unsubscribe: true },
    };
    const anonymous = {
      groupname: 'anyone',
      roles: [{ rolename: 'open' }],
    };
    const role = {
      rolename: 'open',
      acls: [{ acltype: 'subscribePattern', topic: 'open/#', priority: 0, allow: true }],
    };
    writeFileSync(
      file,
      JSON.stringify({ ...rules, clients: [], groups: [anonymous], roles: [role], anonymousGroup: 'anyone' }),
      {
        mode: 0o666,
      },
    );
    const mosquitto = await startMosquitto({
      config: [`plugin ${dynamicSecurityPlugin()}`, `plugin_opt_config_file ${file}`],
    });
    servers.push(mosquitto);
    const result = await probe(
      { port: mosquitto.port },
      {
        topic_filters: [
          { filter: 'open/a', qos: 1 },
          { filter: 'closed/#', qos: 1 },
        ],
      },
    );
    expect(result.diagnosis).toMatchObject({
      stage: 'subscribe',
      code: 'NOT_AUTHORIZED_FOR_TOPIC',
      cause: expect.stringContaining('"closed/#"'),
    });
    expect(detailOf(result, 'subscribe')).toMatchObject({ granted: 1, refused: 1 });
  });
});

/** Debian puts it below the folder of the machine's architecture. */
function dynamicSecurityPlugin(): string {
  const folders = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'mosquitto_dynamic_security.so'));
  const found = folders.find((path) => existsSync(path));
  if (!found) throw new Error('mosquitto_dynamic_security.so is missing: apt-get install mosquitto');
  return found;
}
