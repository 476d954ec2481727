import { connect as netConnect } from 'node:net';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import {
  createTestCertificates,
  freePort,
  type Mosquitto,
  startMosquitto,
  type TestCertificates,
} from '@cortex-mqtt/testing';
import { MqttClient } from 'mqtt';
import { buildClientOptions, deriveClientId } from './client-options';
import { diagnoseFailure } from './diagnosis/diagnosis';
import { buildBroker } from './testing/build-broker';

const openEgress = createEgressPolicy({ allow: ['loopback'] });

/** Resolves with the CONNACK, rejects with the client's error. */
async function connectOnce(broker: BrokerConnection, egress = openEgress): Promise<{ sessionPresent: boolean }> {
  const { options, buildStream } = buildClientOptions(broker, { client_id: 'derived', egress });
  const client = new MqttClient(buildStream, options);
  try {
    return await new Promise((resolve, reject) => {
      client.once('connect', resolve);
      client.once('error', reject);
      client.connect();
    });
  } finally {
    await client.endAsync(true);
  }
}

describe('buildClientOptions', () => {
  it('carries the MQTT 5 properties, the will with its delay, and a session that outlives the connection', () => {
    const { options } = buildClientOptions(
      buildBroker({
        session_expiry_s: 3_600,
        receive_maximum: 200,
        user_properties: { team: 'orders' },
        last_will: { topic: 'status', payload: 'gone', qos: 1, retain: true, delay_s: 30 },
      }),
      { client_id: 'derived', egress: openEgress },
    );
    expect(options).toMatchObject({
      clientId: 'derived',
      clean: false,
      reconnectPeriod: 0,
      manualConnect: true,
      properties: { sessionExpiryInterval: 3_600, receiveMaximum: 200, userProperties: { team: 'orders' } },
      will: {
        topic: 'status',
        payload: Buffer.from('gone'),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 30 },
      },
    });
  });

  it('leaves out what MQTT 3.1.1 has no place for', () => {
    const { options } = buildClientOptions(
      buildBroker({
        receive_maximum: 200,
        last_will: { topic: 'status', payload: 'gone', qos: 1, retain: true, delay_s: 30 },
      }),
      { client_id: 'derived', egress: openEgress, protocol_version: 4 },
    );
    expect(options.protocolVersion).toBe(4);
    expect(options.properties).toBeUndefined();
    expect(options.will?.properties).toBeUndefined();
  });

  it('gives a secondary client an id of its own, a clean session and no will', () => {
    const { options } = buildClientOptions(
      buildBroker({
        client_id: 'configured',
        last_will: { topic: 'status', payload: 'gone', qos: 1, retain: true, delay_s: 0 },
      }),
      { client_id: 'derived', egress: openEgress, secondary: { client_id: 'configured-publisher' } },
    );
    expect(options).toMatchObject({ clientId: 'configured-publisher', clean: true });
    expect(options.will).toBeUndefined();
    expect(options.properties?.sessionExpiryInterval).toBe(0);
  });
});

describe('a client built from a broker', () => {
  let mosquitto: Mosquitto;
  beforeAll(async () => {
    mosquitto = await startMosquitto({ websockets: true, users: { ada: 'right' } });
  });
  afterAll(() => mosquitto.stop());

  it('connects over tcp, by name', async () => {
    const broker = buildBroker({ host: 'localhost', port: mosquitto.port, username: 'ada', password: 'right' });
    await expect(connectOnce(broker)).resolves.toMatchObject({ sessionPresent: false });
  });

  it('connects over a websocket with its path', async () => {
    const port = mosquitto.websockets?.port;
    const broker = buildBroker({ transport: 'ws', path: '/mqtt', port, username: 'ada', password: 'right' });
    const connack = await connectOnce({ ...broker, client_id: 'over-ws' });
    expect(connack).toMatchObject({ sessionPresent: false });
  });

  it('finds its session again', async () => {
    const broker = buildBroker({ port: mosquitto.port, username: 'ada', password: 'right', client_id: 'again' });
    await connectOnce(broker);
    await expect(connectOnce(broker)).resolves.toMatchObject({ sessionPresent: true });
  });

  it('tells the reason code of a refusal', async () => {
    const broker = buildBroker({ port: mosquitto.port, username: 'ada', password: 'wrong' });
    await expect(connectOnce(broker)).rejects.toMatchObject({ code: 0x87 });
  });

  it('tells the stage of a failed connect', async () => {
    const broker = buildBroker({ port: await closedPort() });
    await expect(connectOnce(broker)).rejects.toMatchObject({ code: 'ECONNREFUSED', stage: 'tcp' });
    const ws = buildBroker({ transport: 'ws', path: '/mqtt', port: mosquitto.port });
    await expect(connectOnce(ws)).rejects.toMatchObject({ stage: 'websocket' });
  });

  it('reaches nothing that the egress policy refuses, neither a literal nor what a name resolves to', async () => {
    const egress = createEgressPolicy({ allow: [] });
    const literal = buildBroker({ host: '127.0.0.1', port: mosquitto.port });
    await expect(connectOnce(literal, egress)).rejects.toMatchObject({ code: 'EGRESS_REFUSED', stage: 'dns' });
    const named = buildBroker({ host: 'localhost', port: mosquitto.port });
    await expect(connectOnce(named, egress)).rejects.toMatchObject({ code: 'EGRESS_REFUSED', stage: 'dns' });
  });
});

describe('a client built from a broker with TLS', () => {
  let mosquitto: Mosquitto;
  let certificates: TestCertificates;
  beforeAll(async () => {
    certificates = await createTestCertificates();
    const { server, wrongName, ca } = certificates;
    const tls = { cert: server.certFile, key: server.keyFile };
    mosquitto = await startMosquitto({
      listeners: [
        { tls: { ...tls, ca: ca.certFile, requireCertificate: true } },
        { tls, protocol: 'websockets' },
        { tls: { cert: wrongName.certFile, key: wrongName.keyFile } },
      ],
    });
  });
  afterAll(() => mosquitto.stop());
  const portOf = (listener: number): number => mosquitto.listeners[listener]?.port ?? 0;

  it('connects with a client certificate, by address and by name', async () => {
    const { ca, client } = certificates;
    const tls = { transport: 'tls' as const, ca_cert: ca.cert, client_cert: client.cert, client_key: client.key };
    for (const host of ['127.0.0.1', 'localhost']) {
      const connack = await connectOnce(buildBroker({ ...tls, host, port: portOf(0), client_id: host }));
      expect(connack).toMatchObject({ sessionPresent: false });
    }
  });

  it('connects over an encrypted websocket', async () => {
    const broker = buildBroker({ transport: 'wss', path: '/mqtt', port: portOf(1), ca_cert: certificates.ca.cert });
    await expect(connectOnce(broker)).resolves.toMatchObject({ sessionPresent: false });
  });

  it('checks the certificate against the server name that is set, and accepts any when told not to verify', async () => {
    const broker = buildBroker({ transport: 'tls', host: 'localhost', port: portOf(2), ca_cert: certificates.ca.cert });
    await expect(connectOnce(broker)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID', stage: 'tls' });
    await connectOnce({ ...broker, server_name: 'other.example' });
    await connectOnce({ ...broker, verify_cert: false });
  });

  it('gives the same diagnosis as a connection test', async () => {
    const broker = buildBroker({ transport: 'tls', port: portOf(0), ca_cert: certificates.ca.cert });
    const error = await connectOnce(broker).then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error && diagnoseFailure('connect', error, { broker })).toMatchObject({
      stage: 'tls',
      code: 'CLIENT_CERTIFICATE_REQUIRED',
    });
  });
});

describe('deriveClientId', () => {
  const identity = { product_id: 7, product_slug: 'orders', instance_id: 'listener-1' };

  it.each([
    { product_id: 1, instance_id: 'a' },
    { product_id: 2_147_483_647, instance_id: 'listener-with-a-long_name-0123456789' },
    { product_id: 2_147_483_647, instance_id: 'abcdefgh' },
    { product_id: 12, instance_id: 'a_b' },
  ])('gives what every MQTT 3.1.1 server accepts for %j', (part) => {
    expect(deriveClientId({ ...identity, ...part })).toMatch(/^[0-9A-Za-z]{1,23}$/);
  });

  it('stays the same, also when the product is renamed', () => {
    expect(deriveClientId(identity)).toBe(deriveClientId({ ...identity, product_slug: 'renamed' }));
  });

  it('differs between products and between instances', () => {
    const ids = [1, 11].flatMap((product_id) =>
      ['1', '11', 'listener-1', 'listener-2', 'listener_1'].map((instance_id) =>
        deriveClientId({ product_id, product_slug: 'x', instance_id }),
      ),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

/** A loopback port that nothing listens on. */
async function closedPort(): Promise<number> {
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    const socket = netConnect(port, '127.0.0.1', () => reject(new Error(`port ${port} is taken`)));
    socket.once('error', () => resolve());
  });
  return port;
}
