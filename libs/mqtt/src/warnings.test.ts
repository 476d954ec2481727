import { createTestCertificates } from '@cortex-mqtt/testing';
import { buildBroker } from './testing/build-broker';
import { connectionWarnings } from './warnings';

const now = new Date();
const codesOf = (...args: Parameters<typeof connectionWarnings>): string[] =>
  connectionWarnings(...args).map(({ code }) => code);

describe('connectionWarnings', () => {
  it('says nothing of a connection that is all right', () => {
    expect(codesOf({ broker: buildBroker({ host: 'broker.example' }), now })).toEqual([]);
  });

  it('warns of a password that travels in the clear, but not on the same machine', () => {
    const login = { username: 'ada', password: 'right' };
    expect(codesOf({ broker: buildBroker({ ...login, host: 'broker.example' }), now })).toEqual([
      'PASSWORD_WITHOUT_TLS',
    ]);
    expect(codesOf({ broker: buildBroker({ ...login, host: 'broker.example', transport: 'ws' }), now })).toEqual([
      'PASSWORD_WITHOUT_TLS',
    ]);
    expect(codesOf({ broker: buildBroker({ ...login, host: 'broker.example', transport: 'wss' }), now })).toEqual([]);
    expect(codesOf({ broker: buildBroker({ ...login, host: '127.0.0.1' }), now })).toEqual([]);
  });

  it('warns of a client certificate that expires soon, or cannot be read', async () => {
    const { ca } = await createTestCertificates();
    const soon = await ca.issueClient({ notAfter: new Date(now.getTime() + 6.5 * 86_400_000) });
    expect(codesOf({ broker: buildBroker({ transport: 'tls', client_cert: soon.cert }), now })).toEqual([
      'CLIENT_CERTIFICATE_EXPIRES_WITHIN_7_DAYS',
    ]);
    expect(codesOf({ broker: buildBroker({ transport: 'tls', client_cert: 'no PEM' }), now })).toEqual([
      'CLIENT_CERTIFICATE_UNREADABLE',
    ]);
  });

  it('warns of clocks that differ, in the right direction', () => {
    const [warning] = connectionWarnings({ broker: buildBroker(), now, clock_skew_s: 3_600 });
    expect(warning).toMatchObject({ code: 'CLOCK_SKEW', message: expect.stringContaining('3600 s behind') });
    expect(codesOf({ broker: buildBroker(), now, clock_skew_s: -59 })).toEqual([]);
  });

  it('warns of a broker that has dropped messages', () => {
    const topic = '$SYS/broker/publish/messages/dropped';
    expect(codesOf({ broker: buildBroker(), now, sys: { [topic]: '12' } })).toEqual(['BROKER_DROPS_MESSAGES']);
    expect(codesOf({ broker: buildBroker(), now, sys: { [topic]: '0' } })).toEqual([]);
  });
});
