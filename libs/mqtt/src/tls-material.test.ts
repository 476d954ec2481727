import { createPrivateKey } from 'node:crypto';
import { createServer } from 'node:net';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createTestCertificates, type TestCertificates } from '@cortex-mqtt/testing';
import { probeConnection } from './probe/probe';
import { buildBroker } from './testing/build-broker';
import { nativeSettingFaults, tlsMaterialFaults } from './tls-material';
import { openBrokerStream } from './transport';

let certificates: TestCertificates;
beforeAll(async () => {
  certificates = await createTestCertificates();
});

const NOTHING = { ca_cert: null, client_cert: null, client_key: null, client_key_passphrase: null };
const sealed = (pem: string, passphrase: string): string =>
  createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string;

describe('TLS material of a broker', () => {
  it('takes a chain, a matching pair, and an encrypted key with its pass phrase', () => {
    const { ca, client } = certificates;
    expect(tlsMaterialFaults({ ...NOTHING, ca_cert: ca.cert + ca.cert })).toEqual([]);
    expect(tlsMaterialFaults({ ...NOTHING, client_cert: client.cert, client_key: client.key })).toEqual([]);
    const client_key = sealed(client.key, 'open sesame');
    const material = { ...NOTHING, client_cert: client.cert, client_key, client_key_passphrase: 'open sesame' };
    expect(tlsMaterialFaults(material)).toEqual([]);
  });

  it('names the field, and what is the matter with it', () => {
    const { ca, client, foreignClient } = certificates;
    const faultOf = (material: Partial<typeof NOTHING>) => tlsMaterialFaults({ ...NOTHING, ...material });
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    const encrypted = sealed(client.key, 'open sesame');
    const cases: [Partial<Record<keyof typeof NOTHING, string>>, string, RegExp][] = [
      [{ ca_cert: client.key }, 'ca_cert', /private key/],
      [{ ca_cert: ca.cert + client.key }, 'ca_cert', /private key/],
      [{ client_cert: client.cert + encrypted }, 'client_cert', /private key.*client_key/],
      [{ ca_cert: garbage }, 'ca_cert', /the certificate is damaged/],
      [{ ca_cert: ca.cert + garbage }, 'ca_cert', /certificate 2 of 2/],
      [{ ca_cert: '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----' }, 'ca_cert', /X509 CRL/],
      [{ client_key: client.cert }, 'client_key', /no private key/],
      [{ client_key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }, 'client_key', /damaged/],
      [{ client_key: encrypted }, 'client_key_passphrase', /is needed/],
      [{ client_key: encrypted, client_key_passphrase: 'wrong' }, 'client_key_passphrase', /does not open/],
      [{ client_cert: client.cert, client_key: foreignClient.key }, 'client_key', /does not belong/],
    ];
    for (const [material, field, message] of cases) {
      expect(faultOf(material as never)).toEqual([{ field, message: expect.stringMatching(message) }]);
    }
  });
});

describe('settings that native code would not survive', () => {
  const UNUSABLE: [string, Partial<BrokerConnection>][] = [
    ['alpn_protocols[0]', { alpn_protocols: [''] }],
    ['alpn_protocols[1]', { alpn_protocols: ['mqtt', ''] }],
    ['alpn_protocols[0]', { alpn_protocols: ['x'.repeat(256)] }],
    ['alpn_protocols[0]', { alpn_protocols: ['é'.repeat(128)] }],
    ['alpn_protocols', { alpn_protocols: Array.from({ length: 300 }, () => 'x'.repeat(255)) }],
    ['alpn_protocols', { alpn_protocols: 'mqtt' as never }],
    ['server_name', { server_name: 'a\0b' }],
    ['server_name', { server_name: 'x'.repeat(300) }],
    ['port', { port: 70_000 }],
    ['port', { port: Number.NaN }],
    ['host', { host: 'a\0b' }],
    ['client_key', { client_key: 'nonsense' }],
  ];

  it.each(UNUSABLE)('%s is a fault with the field named', (field, overrides) => {
    const [fault] = nativeSettingFaults(buildBroker({ transport: 'tls', port: 8883, ...overrides }));
    expect(fault?.field).toBe(field);
  });

  it('fail a live connection and a test with the reason, whatever is stored', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const egress = createEgressPolicy({ allow: ['loopback'] });
    try {
      for (const [field, overrides] of UNUSABLE) {
        for (const transport of ['tls', 'wss'] as const) {
          const broker = buildBroker({ host: '127.0.0.1', transport, port, ...overrides });
          const error = await new Promise<Error>((resolve) => {
            openBrokerStream(broker, { egress, timeout_ms: 1_000 }).once('error', resolve);
          });
          expect(error.message).toContain(field);
        }
        const broker = buildBroker({ host: '127.0.0.1', transport: 'tls', port, ...overrides });
        const request = { id: 'a', broker, topic_filters: [], roundtrip_topic: null, timeout_ms: 2_000 };
        const { status, diagnosis } = await probeConnection(request, { egress, tested_from: 'here' });
        expect(status).toBe('failed');
        expect(diagnosis).toMatchObject({
          code: expect.stringMatching(/_INVALID$/),
          cause: expect.stringContaining(field),
        });
      }
    } finally {
      server.close();
    }
  });
});
