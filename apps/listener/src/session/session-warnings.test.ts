import { createEgressPolicy } from '@cortex-mqtt/egress';
import { createCertificateAuthority, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { startScriptedBroker } from './scripted-broker.testing';
import { buildBroker, buildDesired, buildSession } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const DAY_MS = 86_400_000;

function buildTested(overrides: Parameters<typeof buildSession>[0] = {}) {
  const tested = buildSession(overrides);
  cleanups.push(() => tested.session.stop({ drain_ms: 0 }));
  return { ...tested, warnings: () => tested.session.snapshot().warnings.map(({ code }) => code) };
}

describe('warnings of a live session', () => {
  it.each(['tls', 'wss'] as const)('tell of certificates that expire, on both sides, over %s', async (transport) => {
    const ca = await createCertificateAuthority('Test CA');
    const server = await ca.issueServer({ notAfter: new Date(Date.now() + 5.5 * DAY_MS) });
    const client = await ca.issueClient({ notAfter: new Date(Date.now() + 20.5 * DAY_MS) });
    const tls = {
      cert: server.certFile,
      key: server.keyFile,
      ca: ca.certFile,
      requireCertificate: transport === 'tls',
    };
    const broker = await startMosquitto({
      listeners: [{}, { protocol: transport === 'wss' ? 'websockets' : 'mqtt', tls }],
    });
    cleanups.push(() => broker.stop());
    const { session, warnings, reaches } = buildTested();
    session.start(
      buildDesired(
        buildBroker({
          port: broker.listeners[1]!.port,
          transport,
          path: transport === 'wss' ? '/mqtt' : null,
          ca_cert: ca.cert,
          client_cert: client.cert,
          client_key: client.key,
        }),
      ),
    );
    await reaches('connected');
    expect(warnings()).toEqual([
      'SERVER_CERTIFICATE_EXPIRES_WITHIN_7_DAYS',
      'CLIENT_CERTIFICATE_EXPIRES_WITHIN_30_DAYS',
    ]);
    expect(session.snapshot().broker_info).toMatchObject({ tls: { trusted: true, tls_version: 'TLSv1.3' } });
  });

  it('tell of a password that travels without TLS', async () => {
    const broker = await startMosquitto({ users: { u: 'p' } });
    cleanups.push(() => broker.stop());
    // A name that is not known as this machine itself.
    const egress = createEgressPolicy({
      allow: ['broker.test'],
      resolve: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const { session, warnings, reaches } = buildTested({ egress });
    session.start(buildDesired(buildBroker({ host: 'broker.test', port: broker.port, username: 'u', password: 'p' })));
    await reaches('connected');
    expect(warnings()).toEqual(['PASSWORD_WITHOUT_TLS']);
  });

  it('tell that the broker lost the session', async () => {
    let sessionPresent = true;
    const broker = await startScriptedBroker({ connack: () => ({ sessionPresent }) });
    cleanups.push(() => broker.stop());
    const { session, warnings, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    expect(warnings()).toEqual([]);
    sessionPresent = false;
    broker.connections[0]!.socket.destroy();
    await broker.connection(2);
    await reaches('connected');
    expect(warnings()).toEqual(['SESSION_LOST']);
  });

  it('name a client that takes the session over', async () => {
    const broker = await startMosquitto();
    cleanups.push(() => broker.stop());
    const { session, warnings, reaches } = buildTested();
    const desired = buildDesired(buildBroker({ port: broker.port, protocol_version: 4 }));
    session.start(desired);
    await reaches('connected');
    const thief = buildSession();
    cleanups.push(() => thief.session.stop({ drain_ms: 0 }));
    thief.session.start(desired);
    await waitFor(() => warnings().includes('CLIENT_ID_TAKEN_OVER'));
    const [warning] = session.snapshot().warnings.filter(({ code }) => code === 'CLIENT_ID_TAKEN_OVER');
    expect(warning?.message).toContain('"cmqp1itest"');
  });

  it('tell of a broker that keeps the session for a shorter time, and takes small packets only', async () => {
    const broker = await startScriptedBroker({
      connack: () => ({ properties: { sessionExpiryInterval: 60, maximumPacketSize: 1_024 } }),
    });
    cleanups.push(() => broker.stop());
    const { session, warnings, reaches } = buildTested();
    session.start(buildDesired(buildBroker({ port: broker.port })));
    await reaches('connected');
    expect(warnings()).toEqual(['SESSION_EXPIRY_SHORTENED', 'SMALL_PACKET_LIMIT']);
  });
});
