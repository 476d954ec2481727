import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError, loadEnvironment } from '@cortex-mqtt/environment';
import { generateKey } from '@cortex-mqtt/secrets';
import { envExample } from './cli/env-example.command';
import { OrchestratorConfig } from './config';

const GOOD = { DATABASE_URL: 'postgres://u:p@localhost/db', MQTT_PASSWORD_ENCRYPTION_KEY: generateKey() };

function faultsOf(env: Record<string, string>): string[] {
  try {
    loadEnvironment(OrchestratorConfig, env);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults.map((fault) => fault.variable);
    throw error;
  }
  return [];
}

describe('the orchestrator’s environment', () => {
  it('needs a database and an encryption key, and tells both at once', () => {
    expect(faultsOf({}).sort()).toEqual(['DATABASE_URL', 'MQTT_PASSWORD_ENCRYPTION_KEY']);
    expect(faultsOf(GOOD)).toEqual([]);
  });

  it('is production unless told otherwise, listens on loopback and trusts no proxy', () => {
    const config = loadEnvironment(OrchestratorConfig, GOOD);
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8004,
      trustProxy: [],
      egressAllow: [],
      listenerRuntime: 'none',
    });
    expect(config.isProduction).toBe(true);
    expect(config.effectiveQueueUrl).toBe(GOOD.DATABASE_URL);
  });

  it.each([
    ['a placeholder key', { MQTT_PASSWORD_ENCRYPTION_KEY: '0'.repeat(64) }, 'MQTT_PASSWORD_ENCRYPTION_KEY'],
    ['a well-known password', { ADMIN_EMAIL: 'a@b.c', ADMIN_PASSWORD: 'password1234' }, 'ADMIN_PASSWORD'],
    ['egress to everywhere', { EGRESS_ALLOW: '0.0.0.0/0' }, 'EGRESS_ALLOW'],
    ['every proxy trusted', { TRUST_PROXY: '0.0.0.0/0' }, 'TRUST_PROXY'],
  ])('refuses %s in production, and only there', (_name, change, variable) => {
    expect(faultsOf({ ...GOOD, ...change })).toEqual([variable]);
    expect(faultsOf({ ...GOOD, ...change, NODE_ENV: 'development' })).toEqual([]);
  });

  it.each([
    ['a short password', { ADMIN_EMAIL: 'a@b.c', ADMIN_PASSWORD: 'short' }, 'ADMIN_PASSWORD'],
    ['an e-mail address without a password', { ADMIN_EMAIL: 'a@b.c' }, 'ADMIN_PASSWORD'],
    ['a key of the wrong length', { MQTT_PASSWORD_ENCRYPTION_KEY: 'c2hvcnQ=' }, 'MQTT_PASSWORD_ENCRYPTION_KEY'],
    ['an egress entry that means nothing', { EGRESS_ALLOW: 'http://x' }, 'EGRESS_ALLOW'],
    ['a queue of an unknown kind', { QUEUE_URL: 'amqp://x' }, 'QUEUE_URL'],
    ['an unknown runtime', { LISTENER_RUNTIME: 'kubernetes' }, 'LISTENER_RUNTIME'],
  ])('refuses %s', (_name, change, variable) => {
    expect(faultsOf({ ...GOOD, ...change })).toEqual([variable]);
  });

  it('is what .env.example says (else: node apps/orchestrator/dist/main.js env-example > .env.example)', () => {
    const committed = readFileSync(join(__dirname, '..', '..', '..', '.env.example'), 'utf8');
    expect(committed).toBe(envExample());
  });
});
