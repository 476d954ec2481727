import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError, loadEnvironment } from '@cortex-mqtt/environment';
import { generateKey } from '@cortex-mqtt/secrets';
import { createTestDirectory } from '@cortex-mqtt/testing';
import { envExample } from './cli/env-example.command';
import { OrchestratorConfig } from './config';

const GOOD = { DATABASE_URL: 'postgres://u:p@localhost/db', MQTT_PASSWORD_ENCRYPTION_KEY: generateKey() };

function messagesOf(env: Record<string, string>): string[] {
  try {
    loadEnvironment(OrchestratorConfig, env);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults.map(({ message }) => message);
    throw error;
  }
  return [];
}

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
    ['an unknown runtime', { LISTENER_RUNTIME: 'nomad' }, 'LISTENER_RUNTIME'],
  ])('refuses %s', (_name, change, variable) => {
    expect(faultsOf({ ...GOOD, ...change })).toEqual([variable]);
  });

  describe('of providers to sign in with', () => {
    const provider = {
      id: 'corp',
      name: 'Company',
      issuer: 'https://id.example.com/realms/x',
      client_id: 'cortex',
      client_secret: 'a-secret-of-ours',
      grants: [{ group: 'ops', role: 'operator', products: ['shop'] }],
    };
    const env = (overrides: object = {}, more: Record<string, string> = {}) => ({
      ...GOOD,
      PUBLIC_URL: 'https://mqtt.example.com',
      OIDC_PROVIDERS: JSON.stringify([{ ...provider, ...overrides }]),
      ...more,
    });
    const messagesOf = (variables: Record<string, string>): string => {
      try {
        loadEnvironment(OrchestratorConfig, variables);
      } catch (error) {
        return String((error as Error).message);
      }
      return '';
    };

    it('reads them, with secrets from files', () => {
      const file = join(createTestDirectory('secret'), 'client-secret');
      writeFileSync(file, 'from a file\n');
      const { client_secret: _, ...open } = provider;
      const text = JSON.stringify([{ ...open, client_secret_file: file }]);
      const config = loadEnvironment(OrchestratorConfig, { ...env(), OIDC_PROVIDERS: text });
      expect(config.oidcProviders).toMatchObject([
        {
          id: 'corp',
          client_secret: 'from a file',
          scopes: ['openid', 'email', 'profile'],
          groups_claim: 'groups',
          require_verified_email: true,
          link_by_email: false,
        },
      ]);
    });

    it.each<[string, object, RegExp]>([
      ['an issuer without TLS', { issuer: 'http://id.example.com' }, /\[0\]\.issuer must begin with https/],
      ['an id that no path takes', { id: '../x' }, /\[0\]\.id must be up to 40/],
      ['a role that is none', { grants: [{ group: 'x', role: 'root' }] }, /\[0\]\.grants\[0\]\.role/],
      ['products in words', { grants: [{ group: 'x', role: 'viewer', products: 'shop' }] }, /must be "all" or a list/],
      ['a field that is none', { groups: 'x' }, /\[0\]\.groups is not a known field/],
      ['no grants', { grants: undefined }, /\[0\]\.grants/],
      ['two secrets', { client_secret_file: '/nowhere' }, /only one may be/],
    ])('refuses %s and shows no secret', (_name, overrides, message) => {
      const text = messagesOf(env(overrides));
      expect(text).toMatch(message);
      expect(text).not.toContain('a-secret-of-ours');
    });

    it.each<[string, Record<string, string>, string[]]>([
      ['text that is not JSON', { OIDC_PROVIDERS: '{' }, ['OIDC_PROVIDERS']],
      ['no address to come back to', { PUBLIC_URL: '' }, ['PUBLIC_URL']],
      ['nobody for emergencies', { SSO_ONLY: 'true' }, ['SSO_BREAK_GLASS_EMAIL']],
      ['nowhere to sign in', { OIDC_PROVIDERS: '', SSO_ONLY: 'true', SSO_BREAK_GLASS_EMAIL: 'a@b.c' }, ['SSO_ONLY']],
      ['nothing', { SSO_ONLY: 'true', SSO_BREAK_GLASS_EMAIL: 'a@b.c' }, []],
    ])('refuses %s', (_name, more, variables) => {
      expect(faultsOf(env({}, more))).toEqual(variables);
    });
  });

  it('is what .env.example says (else: node apps/orchestrator/dist/main.js env-example > .env.example)', () => {
    const committed = readFileSync(join(__dirname, '..', '..', '..', '.env.example'), 'utf8');
    expect(committed).toBe(envExample());
  });

  it('refuses each proxy that is none, and takes what Express takes', () => {
    const good = 'loopback, 10.0.0.0/8,192.0.2.1,2001:db8::/32,uniquelocal';
    expect(faultsOf({ ...GOOD, TRUST_PROXY: good })).toEqual([]);
    const [message] = messagesOf({ ...GOOD, TRUST_PROXY: 'loopback,proxy.example.com,10.0.0.0/33,1.2.3' });
    expect(message).toMatch(/: proxy\.example\.com, 10\.0\.0\.0\/33, 1\.2\.3$/);
  });
});
