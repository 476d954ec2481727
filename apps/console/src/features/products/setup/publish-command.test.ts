import { publishCommand } from './publish-command';

type Target = Parameters<typeof publishCommand>[0];

function buildBroker(overrides: Partial<Target> = {}): Target {
  return {
    host: 'broker.example.com',
    port: 1883,
    transport: 'tcp',
    verify_cert: true,
    username: null,
    password_set: false,
    ...overrides,
  };
}

describe('the command that publishes', () => {
  it('quotes what a shell would take apart', () => {
    const command = publishCommand(buildBroker(), { topic: 'a/b c', payload: `{"it's": 1}` });
    expect(command).toContain(`-t 'a/b c'`);
    expect(command).toContain(`-m '{"it'\\''s": 1}'`);
  });

  it('names user and encryption, and leaves the password to fill in', () => {
    const broker = buildBroker({ transport: 'tls', port: 8883, username: 'shop', password_set: true });
    const command = publishCommand(broker, { topic: 't', payload: 'p' });
    expect(command).toContain(`-u shop -P '<password>'`);
    expect(command).toContain('--tls-use-os-certs');
  });

  it('is none for a broker behind a WebSocket, or none at all', () => {
    expect(publishCommand(buildBroker({ transport: 'wss' }), { topic: 't', payload: 'p' })).toBeNull();
    expect(publishCommand(buildBroker({ host: null }), { topic: 't', payload: 'p' })).toBeNull();
  });
});
