import type { BrokerConnection, ConnectionTestRequest, ConnectionTestResult } from '@cortex-mqtt/contracts';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createTestCertificates, type TestCertificates } from '@cortex-mqtt/testing';
import type { Packet } from 'mqtt-packet';
import { buildBroker } from '../testing/build-broker';
import { accept, answerPackets, type ScriptedServer, startScriptedServer } from '../testing/scripted-server';
import { probeConnection } from './probe';

const egress = createEgressPolicy({ allow: ['loopback'] });
let certificates: TestCertificates;
const servers: ScriptedServer[] = [];
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
const test = async (
  broker: Partial<BrokerConnection>,
  overrides: Partial<ConnectionTestRequest> = {},
): Promise<ConnectionTestResult['diagnosis']> => {
  const request = { id: 'test-1', topic_filters: [], roundtrip_topic: null, timeout_ms: 5_000, ...overrides };
  const result = await probeConnection(
    { ...request, broker: buildBroker(broker) },
    { egress, tested_from: 'orchestrator' },
  );
  return result.diagnosis;
};

describe('a broker that refuses by a reason code of MQTT 5', () => {
  it.each([
    [0x83, 'REFUSED'],
    [0x84, 'PROTOCOL_VERSION_REFUSED'],
    [0x88, 'SERVER_UNAVAILABLE'],
    [0x8b, 'SERVER_SHUTTING_DOWN'],
    [0x90, 'TOPIC_NAME_INVALID'],
    [0x95, 'PACKET_TOO_LARGE'],
    [0x9a, 'RETAIN_NOT_SUPPORTED'],
    [0x9b, 'QOS_NOT_SUPPORTED'],
    [0x9c, 'SERVER_MOVED'],
    [0x9f, 'QUOTA_EXCEEDED'],
  ])('the connection, with %i: %s', async (reasonCode, code) => {
    // The return code is for the second try, with 3.1.1.
    const connack: Packet = { cmd: 'connack', sessionPresent: false, reasonCode, returnCode: 1 };
    const server = await scripted((socket) =>
      answerPackets(socket, (packet) => (packet.cmd === 'connect' ? [connack] : [])),
    );
    expect(await test({ port: server.port })).toMatchObject({ stage: 'connect', code });
  });

  it.each([
    [0x87, 'NOT_AUTHORIZED_FOR_TOPIC'],
    [0x8f, 'TOPIC_FILTER_INVALID'],
    [0x97, 'QUOTA_EXCEEDED'],
    [0x9e, 'SHARED_NOT_SUPPORTED'],
    [0xa1, 'SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED'],
    [0xa2, 'WILDCARDS_NOT_SUPPORTED'],
  ])('a subscription, with %i: %s', async (reason, code) => {
    const server = await scripted((socket) =>
      answerPackets(socket, (packet) => {
        if (packet.cmd === 'connect') return [accept];
        if (packet.cmd !== 'subscribe') return [];
        return [{ cmd: 'suback', messageId: packet.messageId, granted: [reason] }];
      }),
    );
    const topic_filters = [{ filter: 'orders/+', qos: 1 as const }];
    expect(await test({ port: server.port }, { topic_filters })).toMatchObject({ stage: 'subscribe', code });
  });

  it.each([
    [0x82, 'PROTOCOL_ERROR'],
    [0x98, 'ADMINISTRATIVE_ACTION'],
    [0xa0, 'MAXIMUM_CONNECT_TIME'],
    [0x8d, 'KEEP_ALIVE_TIMEOUT'],
  ])('to go on, with %i: %s', async (reasonCode, code) => {
    const server = await scripted((socket) =>
      answerPackets(socket, (packet) => {
        if (packet.cmd === 'connect') return [accept];
        return packet.cmd === 'subscribe' ? [{ cmd: 'disconnect', reasonCode }] : [];
      }),
    );
    const topic_filters = [{ filter: 'orders/+', qos: 1 as const }];
    expect(await test({ port: server.port }, { topic_filters })).toMatchObject({ stage: 'subscribe', code });
  });

  it('a publish by hanging up on it', async () => {
    const server = await scripted((socket) =>
      answerPackets(socket, (packet) => {
        if (packet.cmd === 'connect') return [accept];
        if (packet.cmd === 'subscribe') return [{ cmd: 'suback', messageId: packet.messageId, granted: [1] }];
        return packet.cmd === 'publish' ? 'close' : [];
      }),
    );
    expect(await test({ port: server.port }, { roundtrip_topic: 'probe' })).toMatchObject({
      stage: 'roundtrip',
      code: 'CLOSED_AT_PUBLISH',
    });
  });
});

describe('a TLS server that refuses', () => {
  /** A fatal alert (RFC 8446, 6.2) in answer to the hello of the client. */
  const alerting = (alert: number): Promise<ScriptedServer> =>
    scripted((socket) => socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert]))));

  it.each([
    [112, 'the name', 'TLS_NAME_UNKNOWN'],
    [71, 'the ciphers', 'TLS_NO_COMMON_CIPHER'],
    [70, 'the version', 'TLS_VERSION_REFUSED'],
    [80, 'by a fault of its own', 'TLS_FAILED'],
  ])('by alert %i, %s: %s', async (alert, _what, code) => {
    const server = await alerting(alert);
    expect(await test({ port: server.port, transport: 'tls' })).toMatchObject({ stage: 'tls', code });
  });

  it('a handshake without a server name, where the host is an address', async () => {
    const server = await alerting(40);
    const found = await test({ port: server.port, transport: 'tls' });
    expect(found).toMatchObject({ stage: 'tls', code: 'SERVER_NAME_MISSING' });
    expect(found?.advice).toContain('server name');
  });

  it('everything, although there is a client certificate', async () => {
    const server = await alerting(40);
    const { cert: client_cert, key: client_key } = certificates.client;
    expect(await test({ port: server.port, transport: 'tls', client_cert, client_key })).toMatchObject({
      stage: 'tls',
      code: 'TLS_HANDSHAKE_REFUSED',
    });
  });

  it('by hanging up', async () => {
    const server = await scripted((socket) => socket.once('data', () => socket.end()));
    expect(await test({ port: server.port, transport: 'tls' })).toMatchObject({ stage: 'tls', code: 'TLS_CLOSED' });
  });

  it('has only TLS 1.1', async () => {
    const { cert, key } = certificates.server;
    const tls = { cert, key, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = await scripted(() => undefined, { tls });
    expect(await test({ port: server.port, transport: 'tls' })).toMatchObject({
      stage: 'tls',
      code: 'TLS_VERSION_REFUSED',
    });
  });

  it('is none: its certificate is one for clients', async () => {
    const { cert, key } = await certificates.ca.issueClient({ names: ['127.0.0.1'] });
    const server = await scripted(() => undefined, { tls: { cert, key } });
    expect(await test({ port: server.port, transport: 'tls', ca_cert: certificates.ca.cert })).toMatchObject({
      stage: 'tls',
      code: 'CERTIFICATE_INVALID',
    });
  });
});

describe('a port that is no websocket', () => {
  it('and hangs up, or speaks something else, or says nothing', async () => {
    const closing = await scripted((socket) => socket.once('data', () => socket.end()));
    const other = await scripted((socket) => socket.once('data', () => socket.end('220 mail.example ESMTP\r\n')));
    const silent = await scripted(() => undefined);
    const ws = { transport: 'ws', path: '/mqtt' } as const;
    expect(await test({ ...ws, port: closing.port })).toMatchObject({ stage: 'websocket', code: 'WEBSOCKET_CLOSED' });
    expect(await test({ ...ws, port: other.port })).toMatchObject({ stage: 'websocket', code: 'WEBSOCKET_NOT_HTTP' });
    expect(await test({ ...ws, port: silent.port }, { timeout_ms: 700 })).toMatchObject({
      stage: 'websocket',
      code: 'WEBSOCKET_TIMEOUT',
    });
  });
});
