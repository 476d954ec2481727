import type { Logger } from '@cortex-mqtt/observability';
import request from 'supertest';
import { type AppDeps, createApp } from './app';

describe('the app', () => {
  const warnings: string[] = [];
  const silent = () => undefined;
  const logger = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (message: string) => warnings.push(message),
  } as unknown as Logger;
  const appWith = (deps: Partial<AppDeps>) =>
    createApp({
      logger,
      open_api: {},
      routes: [],
      authenticate: async () => null,
      identifyAgain: async () => null,
      idempotentRequests: { once: (_request, carryOut) => carryOut() },
      strictLimiter: (_request, _response, next) => next(),
      mounts: [],
      trust_proxy: [],
      ...deps,
    });
  const forwarded = (app: ReturnType<typeof appWith>) => request(app).get('/x').set('X-Forwarded-For', '203.0.113.7');

  beforeEach(() => warnings.splice(0));

  it('asks browsers to come back over TLS when its own address is https, and only then', async () => {
    const { headers } = await request(appWith({ public_url: 'https://mqtt.example.com' })).get('/x');
    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    const plain = await request(appWith({ public_url: 'http://localhost:8004' })).get('/x');
    expect(plain.headers['strict-transport-security']).toBeUndefined();
    expect(plain.headers['permissions-policy']).toContain('camera=()');
  });

  it('warns once of a proxy that is not trusted', async () => {
    const app = appWith({});
    await forwarded(app);
    await forwarded(app);
    expect(warnings).toEqual([expect.stringContaining('TRUST_PROXY')]);
  });

  it('warns of none when proxies are listed', async () => {
    await forwarded(appWith({ trust_proxy: ['loopback'] }));
    expect(warnings).toEqual([]);
  });
});
