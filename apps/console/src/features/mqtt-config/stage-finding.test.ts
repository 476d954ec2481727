import { plainFacts, stageFinding } from './stage-finding';

const passed = (stage: 'dns' | 'tcp' | 'tls' | 'connect' | 'subscribe', detail: Record<string, unknown>) =>
  stageFinding({ stage, state: 'passed', duration_ms: 1, detail });

describe('what a stage found', () => {
  it('is told in one line', () => {
    expect(passed('dns', { host: 'x', addresses: ['10.0.0.1', '10.0.0.2'] })).toBe('10.0.0.1, 10.0.0.2');
    expect(passed('tcp', { port: 1883, addresses: [{ state: 'connected', address: '10.0.0.1' }] })).toBe(
      '10.0.0.1 port 1883',
    );
    expect(
      passed('tls', { version: 'TLSv1.3', certificate: { subject: { CN: 'b' }, issuer: 'CN=ca', days_left: 3 } }),
    ).toBe('TLSv1.3 · b · by CN=ca · 3 days left');
    expect(passed('connect', { protocol_version: '5.0', session_present: true, maximum_qos: 2 })).toBe(
      'MQTT 5.0 · session present · QoS up to 2',
    );
  });

  it('names the filters that were refused', () => {
    const filters = [
      { filter: 'a/#', refused: 'Not authorized' },
      { filter: 'b', refused: null },
    ];
    expect(passed('subscribe', { granted: 1, refused: 1, filters })).toBe(
      '1 granted · 1 refused: a/# (Not authorized)',
    );
  });

  it('is told once where the diagnosis tells it', () => {
    const failed = { stage: 'tcp', state: 'failed', duration_ms: 2, detail: { error: 'Nothing listens.' } } as const;
    const diagnosis = { stage: 'tcp', code: 'CONNECTION_REFUSED', cause: 'Nothing listens.', advice: '' } as const;
    expect(stageFinding(failed)).toBe('Nothing listens.');
    expect(stageFinding(failed, diagnosis)).toBe('');
    expect(stageFinding(failed, { ...diagnosis, cause: 'The network is down.' })).toBe('Nothing listens.');
  });

  it('is the reason where a stage was skipped or failed, without what is nested', () => {
    expect(
      stageFinding({ stage: 'tls', state: 'skipped', duration_ms: 0, detail: { reason: 'not used by tcp', x: {} } }),
    ).toBe('not used by tcp');
    expect(
      stageFinding({
        stage: 'connect',
        state: 'failed',
        duration_ms: 2,
        detail: { client_id: 'probe-1', attempts: [1], error: 'The broker refuses user and password.' },
      }),
    ).toBe('The broker refuses user and password.');
    expect(plainFacts({ topic_filter: 'a', nested: [1] })).toBe('topic filter a');
  });
});
