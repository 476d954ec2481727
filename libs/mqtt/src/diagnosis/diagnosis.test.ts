import { buildBroker } from '../testing/build-broker';
import { diagnoseFailure } from './diagnosis';
import type { ConnectionFailure } from './failure';
import { REASON_CODE_NAMES, reasonCodeName, subackRefusal } from './reason-codes';

const context = { broker: buildBroker({ host: 'broker.example' }), topics: ['orders/#'] };
const connack = (reason_code: number): ConnectionFailure => ({ kind: 'reason', packet: 'connack', reason_code });
const withCode = (code: string | number, message = 'failed'): Error => Object.assign(new Error(message), { code });

describe('diagnoseFailure', () => {
  it('has words for every reason code of MQTT 5 that is a failure, and names the code in them', () => {
    const failures = Object.keys(REASON_CODE_NAMES)
      .map(Number)
      .filter((code) => code >= 0x80);
    expect(failures).toHaveLength(35);
    for (const code of failures) {
      const diagnosis = diagnoseFailure('connect', connack(code), context);
      expect(diagnosis.cause).toContain(reasonCodeName(code));
      expect(diagnosis.code).toMatch(/^[A-Z0-9_]+$/);
      expect(diagnosis.advice).not.toBe('');
    }
  });

  it.each<[string, ConnectionFailure]>([
    ['PROTOCOL_VERSION_REFUSED', connack(1)],
    ['CLIENT_ID_REFUSED', connack(2)],
    ['SERVER_UNAVAILABLE', connack(3)],
    ['BAD_CREDENTIALS', connack(4)],
    ['NOT_AUTHORIZED', connack(5)],
    ['BAD_CREDENTIALS', connack(0x86)],
    ['NOT_AUTHORIZED', connack(0x87)],
    ['TAKEN_OVER', connack(0x8e)],
    ['NOT_AUTHORIZED', withCode(5, 'Connection refused: Not authorized')],
    ['NOT_AUTHORIZED', withCode(0x87, 'Connection refused: Not authorized')],
    ['NO_CONNACK', new Error('connack timeout')],
    ['CONNECTION_DEAD', new Error('Keepalive timeout')],
    ['NOT_MQTT', new Error('Invalid header flag bits, must be 0x0 for puback packet')],
    ['CERTIFICATE_EXPIRED', withCode('CERT_HAS_EXPIRED')],
    ['HOST_UNREACHABLE', withCode('EHOSTUNREACH')],
    ['HOST_UNREACHABLE', withCode('ENETUNREACH')],
    ['DNS_UNAVAILABLE', withCode('EAI_AGAIN')],
    ['HOST_UNKNOWN', withCode('ENOTFOUND')],
    ['CONNECTION_FORBIDDEN', withCode('EACCES')],
    ['CLOSED_WITHOUT_CONNACK', withCode('ECONNRESET')],
    ['CONNECTION_REFUSED', new AggregateError([withCode('ENETUNREACH'), withCode('ECONNREFUSED')])],
    ['UNKNOWN', new Error('something new')],
  ])('finds %s (%#)', (code, failure) => {
    expect(diagnoseFailure('connect', failure, context).code).toBe(code);
  });

  it('puts a TLS fault to the TLS stage, wherever it came up', () => {
    const late = withCode('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    expect(diagnoseFailure('connect', late, context)).toMatchObject({
      stage: 'tls',
      code: 'CLIENT_CERTIFICATE_REQUIRED',
    });
  });

  it('believes the stage that an error carries', () => {
    const error = Object.assign(withCode('ETIMEDOUT'), { stage: 'tcp' });
    expect(diagnoseFailure('connect', error, context)).toMatchObject({ stage: 'tcp', code: 'CONNECTION_FILTERED' });
  });

  it('names the topics that a subscription was refused for', () => {
    const refusal: ConnectionFailure = { kind: 'reason', packet: 'suback', reason_code: 0x87, reason_string: 'no way' };
    const diagnosis = diagnoseFailure('subscribe', refusal, context);
    expect(diagnosis.code).toBe('NOT_AUTHORIZED_FOR_TOPIC');
    expect(diagnosis.cause).toContain('"orders/#"');
    expect(diagnosis.cause).toContain('no way');
  });
});

describe('subackRefusal', () => {
  it('is null for a granted QoS and names a refusal', () => {
    expect([0, 1, 2].map((code) => subackRefusal(code))).toEqual([null, null, null]);
    expect(subackRefusal(0x87)).toBe('Not authorized (0x87)');
    expect(subackRefusal(0x80)).toBe('Refused (0x80)');
  });
});
