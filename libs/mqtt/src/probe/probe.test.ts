import type {
  BrokerConnection,
  ConnectionTestRequest,
  ConnectionTestResult,
  StageResult,
  TestStage,
} from '@cortex-mqtt/contracts';
import { createEgressPolicy, type EgressPolicy } from '@cortex-mqtt/egress';
import { createTestCertificates, type Mosquitto, startMosquitto, type TestCertificates } from '@cortex-mqtt/testing';
import { MqttClient } from 'mqtt';
import { buildClientOptions } from '../client-options';
import { buildBroker } from '../testing/build-broker';
import { probeConnection } from './probe';

const egress = createEgressPolicy({ allow: ['loopback', 'localhost'] });

export const buildRequest = (
  broker: Partial<BrokerConnection>,
  overrides: Partial<ConnectionTestRequest> = {},
): ConnectionTestRequest => ({
  id: 'test-1',
  broker: buildBroker(broker),
  topic_filters: [],
  roundtrip_topic: null,
  timeout_ms: 5_000,
  ...overrides,
});
const probe = (
  broker: Partial<BrokerConnection>,
  overrides: Partial<ConnectionTestRequest> = {},
  policy: EgressPolicy = egress,
): Promise<ConnectionTestResult> =>
  probeConnection(buildRequest(broker, overrides), { egress: policy, tested_from: 'orchestrator' });

const stageOf = (result: ConnectionTestResult, name: TestStage): StageResult | undefined =>
  result.stages.find(({ stage }) => stage === name);
const statesOf = (result: ConnectionTestResult): string[] =>
  result.stages.map(({ stage, state }) => `${stage} ${state}`);

let certificates: TestCertificates;
beforeAll(async () => {
  certificates = await createTestCertificates();
});

describe('probeConnection against Mosquitto', () => {
  let mosquitto: Mosquitto;
  let port: number;
  beforeAll(async () => {
    const { server, ca } = certificates;
    const tls = { cert: server.certFile, key: server.keyFile };
    mosquitto = await startMosquitto({
      listeners: [
        {},
        { tls },
        { protocol: 'websockets' },
        { protocol: 'websockets', tls },
        { tls: { ...tls, ca: ca.certFile, requireCertificate: true } },
      ],
      users: { ada: 'right' },
      acl: ['user ada', 'topic readwrite open/#', 'topic read $SYS/#'],
    });
    port = mosquitto.port;
  });
  afterAll(() => mosquitto.stop());
  const login = { username: 'ada', password: 'right' };
  const portOf = (listener: number): number => mosquitto.listeners[listener]?.port ?? 0;

  it('walks all stages over tcp and tells what the broker offers and which version it is', async () => {
    const result = await probe(
      { ...login, port, host: 'localhost' },
      {
        topic_filters: [
          { filter: 'open/a', qos: 1 },
          { filter: '$share/workers/open/#', qos: 2 },
        ],
        roundtrip_topic: 'open/ping',
      },
    );
    expect(result.diagnosis).toBeNull();
    expect(result).toMatchObject({ status: 'success', connected: true, tested_from: 'orchestrator', warnings: [] });
    expect(statesOf(result)).toEqual([
      'dns passed',
      'tcp passed',
      'proxy skipped',
      'tls skipped',
      'websocket skipped',
      'connect passed',
      'subscribe passed',
      'roundtrip passed',
    ]);
    expect(result.latency_ms).toBeGreaterThanOrEqual(0);
    expect(result.broker_info).toMatchObject({
      version: expect.stringContaining('mosquitto version'),
      protocol_version: '5.0',
      address: '127.0.0.1',
    });
    expect(stageOf(result, 'tcp')?.detail.addresses).toEqual([
      { address: '127.0.0.1', state: 'connected', duration_ms: expect.any(Number) },
    ]);
    expect(stageOf(result, 'connect')?.detail).toMatchObject({
      client_id: expect.stringMatching(/^cmqtest[0-9a-f]{16}$/),
      session_present: false,
      maximum_qos: 2,
      retain_available: true,
      wildcard_subscriptions_available: true,
      shared_subscriptions_available: true,
      topic_alias_maximum: 10,
    });
    expect(stageOf(result, 'subscribe')?.detail.filters).toEqual([
      { filter: 'open/a', requested_qos: 1, granted_qos: 1, refused: null, refusal_code: null },
      {
        filter: '$share/workers/open/#',
        requested_qos: 2,
        granted_qos: 2,
        refused: null,
        refusal_code: null,
        tested_as: expect.stringMatching(/^\$share\/cmqtest[0-9a-f]{16}\/open\/#$/),
      },
    ]);
  });

  it('walks tls with version, cipher and certificate', async () => {
    const result = await probe({
      ...login,
      port: portOf(1),
      transport: 'tls',
      host: 'localhost',
      ca_cert: certificates.ca.cert,
    });
    expect(result.diagnosis).toBeNull();
    expect(stageOf(result, 'tls')?.detail).toMatchObject({
      tls_version: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/),
      server_name: 'localhost',
      trusted: true,
      chain_fault: null,
      certificate: {
        subject: 'CN=localhost',
        issuer: 'CN=Test CA',
        names: ['localhost', '127.0.0.1', '0:0:0:0:0:0:0:1'],
        days_left: 364,
      },
      issuers: [{ subject: 'CN=Test CA' }],
    });
  });

  it('walks the websocket, plain and encrypted', async () => {
    const plain = await probe({ ...login, port: portOf(2), transport: 'ws', path: '/mqtt' });
    expect(plain.diagnosis).toBeNull();
    expect(stageOf(plain, 'websocket')).toMatchObject({ state: 'passed', detail: { subprotocol: 'mqtt' } });
    const encrypted = await probe({
      ...login,
      port: portOf(3),
      transport: 'wss',
      path: '/mqtt',
      ca_cert: certificates.ca.cert,
    });
    expect(encrypted.diagnosis).toBeNull();
    expect(statesOf(encrypted).slice(3, 6)).toEqual(['tls passed', 'websocket passed', 'connect passed']);
  });

  it('speaks 3.1.1 when that is what is set', async () => {
    const result = await probe(
      { ...login, port, protocol_version: 4 },
      { topic_filters: [{ filter: 'open/a', qos: 1 }] },
    );
    expect(result.broker_info).toMatchObject({ protocol_version: '3.1.1', shared_subscriptions_available: null });
    expect(result.status).toBe('success');
  });

  it('presents the client certificate', async () => {
    const { client, ca } = certificates;
    const tls = { transport: 'tls' as const, ca_cert: ca.cert, client_cert: client.cert, client_key: client.key };
    const result = await probe({ ...login, ...tls, port: portOf(4) });
    expect(result.diagnosis).toBeNull();
  });

  it('leaves a live session with the configured client id, and its messages, alone', async () => {
    const broker = buildBroker({ ...login, port, client_id: 'live' });
    const { options, buildStream } = buildClientOptions(broker, { client_id: 'unused', egress });
    const client = new MqttClient(buildStream, options);
    const closed = jest.fn();
    client.on('close', closed);
    const received: string[] = [];
    client.on('message', (_topic, payload) => received.push(payload.toString()));
    await new Promise((resolve) => {
      client.once('connect', resolve);
      client.connect();
    });
    await client.subscribeAsync('$share/workers/open/#', { qos: 1 });
    const filters = [{ filter: '$share/workers/open/#', qos: 1 as const }];
    const result = await probeConnection(
      buildRequest(broker, { topic_filters: filters, roundtrip_topic: 'open/ping' }),
      {
        egress,
        tested_from: 'orchestrator',
        // The test is subscribed by now: the messages must all go to the live session.
        onStage: ({ stage }) => {
          if (stage === 'subscribe')
            for (let n = 0; n < 10; n += 1) client.publish('open/live', `live ${n}`, { qos: 1 });
        },
      },
    );
    expect(result.status).toBe('success');
    await client.publishAsync('open/live', 'last', { qos: 1 });
    expect(received.filter((text) => text.startsWith('live'))).toHaveLength(10);
    expect(closed).not.toHaveBeenCalled();
    await client.endAsync(true);
  });

  it.each([
    [5, 'NOT_AUTHORIZED', 'Not authorized (0x87)'],
    [4, 'NOT_AUTHORIZED', 'Not authorized (5)'],
  ] as const)('tells a wrong password, MQTT %s', async (protocol_version, code, words) => {
    const result = await probe({ port, username: 'ada', password: 'wrong', protocol_version });
    expect(result).toMatchObject({ status: 'failed', connected: false, latency_ms: null });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code, cause: expect.stringContaining(words) });
    expect(result.diagnosis?.advice).toMatch(/password/);
    expect(stageOf(result, 'subscribe')?.state).toBe('skipped');
  });

  it('tells that TLS is off on a TLS port', async () => {
    const result = await probe({ ...login, port: portOf(1) });
    expect(result.diagnosis).toMatchObject({
      stage: 'connect',
      code: 'TLS_EXPECTED',
      advice: expect.stringContaining('tls'),
    });
  });

  it('tells that TLS is on on a plain port', async () => {
    const result = await probe({ ...login, port, transport: 'tls' });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'PLAIN_EXPECTED' });
  });

  it('tells that TLS is off on a websocket port with TLS, and the reverse', async () => {
    const off = await probe({ ...login, port: portOf(3), transport: 'ws', path: '/mqtt' });
    expect(off.diagnosis).toMatchObject({
      stage: 'websocket',
      code: 'TLS_EXPECTED',
      advice: expect.stringContaining('wss'),
    });
    const on = await probe({ ...login, port: portOf(2), transport: 'wss', path: '/mqtt' });
    expect(on.diagnosis).toMatchObject({ stage: 'tls', code: 'PLAIN_EXPECTED' });
  });

  it('tells a websocket port from a plain one, and the reverse', async () => {
    const ws = await probe({ ...login, port, transport: 'ws', path: '/mqtt' });
    expect(ws.diagnosis).toMatchObject({ stage: 'websocket', code: 'NOT_A_WEBSOCKET_PORT' });
    const tcp = await probe({ ...login, port: portOf(2) });
    expect(tcp.diagnosis).toMatchObject({ stage: 'connect', code: 'WEBSOCKET_EXPECTED' });
    const wss = await probe({
      ...login,
      port: portOf(1),
      transport: 'wss',
      path: '/mqtt',
      ca_cert: certificates.ca.cert,
    });
    expect(wss.diagnosis).toMatchObject({ stage: 'websocket', code: 'NOT_A_WEBSOCKET_PORT' });
    const tls = await probe({ ...login, port: portOf(3), transport: 'tls', ca_cert: certificates.ca.cert });
    expect(tls.diagnosis).toMatchObject({ stage: 'connect', code: 'WEBSOCKET_EXPECTED' });
  });

  it('tells a missing client certificate, and one that another CA signed', async () => {
    const { ca, foreignClient } = certificates;
    const missing = await probe({ ...login, port: portOf(4), transport: 'tls', ca_cert: ca.cert });
    expect(missing.diagnosis).toMatchObject({ stage: 'tls', code: 'CLIENT_CERTIFICATE_REQUIRED' });
    expect(stageOf(missing, 'tls')?.state).toBe('failed');
    const foreign = await probe({
      ...login,
      port: portOf(4),
      transport: 'tls',
      ca_cert: ca.cert,
      client_cert: foreignClient.cert,
      client_key: foreignClient.key,
    });
    expect(foreign.diagnosis).toMatchObject({ stage: 'tls', code: 'CLIENT_CERTIFICATE_REFUSED' });
  });

  it('tells a client key that does not belong to its certificate', async () => {
    const { ca, client, foreignClient } = certificates;
    const keys = { client_cert: client.cert, client_key: foreignClient.key };
    const result = await probe({ ...login, ...keys, port: portOf(4), transport: 'tls', ca_cert: ca.cert });
    expect(result.diagnosis).toMatchObject({ stage: 'tls', code: 'CERTIFICATE_SETTINGS_INVALID' });
  });

  it('tells a topic that may not be published to: refused by name in 5, silent in 3.1.1', async () => {
    const five = await probe({ ...login, port }, { roundtrip_topic: 'closed/x' });
    expect(five).toMatchObject({ status: 'failed', connected: true });
    expect(five.diagnosis).toMatchObject({
      stage: 'roundtrip',
      code: 'NOT_AUTHORIZED_TO_PUBLISH',
      cause: expect.stringContaining('"closed/x"'),
    });
    const three = await probe(
      { ...login, port, protocol_version: 4 },
      { roundtrip_topic: 'closed/x', timeout_ms: 600 },
    );
    expect(three.diagnosis).toMatchObject({ stage: 'roundtrip', code: 'ROUNDTRIP_NOT_RECEIVED' });
  });

  it('tells a broker that takes connections and then hangs', async () => {
    mosquitto.suspend();
    try {
      const result = await probe({ ...login, port }, { timeout_ms: 800 });
      expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'NO_CONNACK' });
    } finally {
      mosquitto.resume();
    }
  });

  it('warns of a certificate that is not verified, and tells what it would have found', async () => {
    const result = await probe({ ...login, port: portOf(1), transport: 'tls', verify_cert: false });
    expect(result.status).toBe('success');
    expect(result.warnings).toEqual([
      { code: 'CERTIFICATE_NOT_VERIFIED', message: expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE') },
    ]);
  });

  it('ends when it is cancelled', async () => {
    const controller = new AbortController();
    const result = await probeConnection(buildRequest({ ...login, port }, { roundtrip_topic: 'open/ping' }), {
      egress,
      tested_from: 'orchestrator',
      signal: controller.signal,
      onStage: ({ stage }) => {
        if (stage === 'tcp') controller.abort();
      },
    });
    expect(result.diagnosis).toMatchObject({ stage: 'connect', code: 'CANCELLED' });
  });

  it('reaches nothing that the egress policy refuses', async () => {
    const strict = createEgressPolicy({ allow: [] });
    for (const host of ['127.0.0.1', 'localhost', '169.254.169.254', '::ffff:127.0.0.1']) {
      const result = await probe({ ...login, port, host }, {}, strict);
      expect(result.diagnosis).toMatchObject({ stage: 'dns', code: 'EGRESS_REFUSED' });
    }
  });
});

describe('probeConnection against servers with certificates at fault', () => {
  it('tells each fault by its name', async () => {
    const { ca, selfSigned, expired, notYetValid, wrongName, server } = certificates;
    const unsent = await ca.issueServer({ intermediate: 'unsent' });
    const served = [selfSigned, expired, notYetValid, wrongName, server, unsent];
    const mosquitto = await startMosquitto({
      listeners: served.map(({ certFile, keyFile }) => ({ tls: { cert: certFile, key: keyFile } })),
    });
    try {
      const codes: unknown[] = [];
      for (const [index, { ca_cert }] of [
        { ca_cert: ca.cert },
        { ca_cert: ca.cert },
        { ca_cert: ca.cert },
        { ca_cert: ca.cert },
        { ca_cert: certificates.foreignCa.cert },
        { ca_cert: ca.cert },
      ].entries()) {
        const port = mosquitto.listeners[index]?.port ?? 0;
        const result = await probe({ port, transport: 'tls', host: 'localhost', ca_cert });
        codes.push(`${result.diagnosis?.stage} ${result.diagnosis?.code}`);
        // The certificate is shown all the same.
        expect(stageOf(result, 'tls')?.detail.certificate).toMatchObject({ subject: expect.stringContaining('CN=') });
      }
      expect(codes).toEqual([
        'tls CERTIFICATE_SELF_SIGNED',
        'tls CERTIFICATE_EXPIRED',
        'tls CERTIFICATE_NOT_YET_VALID',
        'tls CERTIFICATE_NAME_MISMATCH',
        'tls CERTIFICATE_UNKNOWN_CA',
        'tls CERTIFICATE_UNKNOWN_CA',
      ]);
      const named = await probe({
        port: mosquitto.listeners[3]?.port,
        transport: 'tls',
        host: 'localhost',
        server_name: 'other.example',
        ca_cert: ca.cert,
      });
      expect(named.diagnosis).toBeNull();
      const trusted = await probe({
        port: mosquitto.listeners[0]?.port,
        transport: 'tls',
        host: 'localhost',
        ca_cert: selfSigned.cert,
      });
      expect(trusted.diagnosis).toBeNull();
    } finally {
      await mosquitto.stop();
    }
  });
});
