import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  createTestDatabase,
  createTestDirectory,
  freePort,
  type SpawnedProcess,
  spawnProcess,
  startRedis,
  waitFor,
} from '@cortex-mqtt/testing';
import { createRestClient, type RestClient } from '../up/rest-client';
import type { BenchContext } from './figure';

const ORCHESTRATOR_ENTRY = join(__dirname, '..', '..', '..', 'apps', 'orchestrator', 'dist', 'main.js');
const PATIENCE_MS = 90_000;

export interface OrchestratorUnderTest {
  rest: RestClient;
  orchestrator_url: string;
  database_url: string;
  queue_url: string;
  pid(): number;
  /** SIGTERM, then started again; resolves when it is ready. */
  restart(): Promise<void>;
}

/** The real orchestrator as a process of its own, with a Postgres and a Redis; it ends with the measurement. */
export async function openOrchestrator(context: BenchContext): Promise<OrchestratorUnderTest> {
  const database = await createTestDatabase();
  context.stops.push(() => database.drop());
  const redis = await startRedis();
  context.stops.push(() => redis.stop());
  const port = await freePort();
  const orchestrator_url = `http://127.0.0.1:${port}`;
  const admin = { email: 'admin@example.com', password: randomBytes(12).toString('hex') };
  const env = {
    PORT: String(port),
    DATABASE_URL: database.url,
    QUEUE_URL: redis.url,
    MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    EGRESS_ALLOW: 'loopback',
    LISTENER_RUNTIME: 'none',
    DATA_DIR: createTestDirectory('orchestrator'),
    NODE_ENV: 'production',
  };
  const start = async (): Promise<SpawnedProcess> => {
    const orchestrator = await spawnProcess({ command: process.execPath, args: [ORCHESTRATOR_ENTRY], env });
    await waitFor(
      async () => {
        if (!orchestrator.running()) throw new Error(`the orchestrator ended:\n${orchestrator.output()}`);
        return (await fetch(`${orchestrator_url}/readyz`).catch(() => null))?.ok ?? false;
      },
      { timeout_ms: PATIENCE_MS, message: () => `the orchestrator to be ready:\n${orchestrator.output()}` },
    );
    return orchestrator;
  };
  let running = await start();
  context.stops.push(() => running.stop());
  return {
    rest: await signIn(orchestrator_url, admin),
    orchestrator_url,
    database_url: database.url,
    queue_url: redis.url,
    pid: () => running.pid,
    restart: async () => {
      await running.stop();
      running = await start();
    },
  };
}

async function signIn(orchestrator_url: string, admin: { email: string; password: string }): Promise<RestClient> {
  const login = await fetch(`${orchestrator_url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(admin),
  });
  if (!login.ok) throw new Error(`POST /auth/login answered ${login.status}: ${await login.text()}`);
  const cookie = login.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  const { csrf_token } = (await login.json()) as { csrf_token: string };
  const session = createRestClient(orchestrator_url, { cookie, 'x-csrf-token': csrf_token });
  const { token } = await session.call<{ token: string }>('POST', '/api-tokens', { name: 'bench' });
  return createRestClient(orchestrator_url, { authorization: `Bearer ${token}` });
}
