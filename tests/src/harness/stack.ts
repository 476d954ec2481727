import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createTestDatabase,
  createTestDirectory,
  freePort,
  type Redis,
  startRedis,
  type TestDatabase,
  waitFor,
} from '@cortex-mqtt/testing';
import { createRestartable, type Environment, type Restartable } from './node-process';
import { createProduct, type TestProduct, type ProductWishes } from './product';
import { type RestClient, signIn } from './rest-client';

/** Everything here waits this long before it gives up: machines that run tests are busy. */
export const PATIENCE_MS = 90_000;

export interface StackOptions {
  queue: 'redis' | 'postgres';
  /** Milliseconds of silence after which a listener counts as gone; default 15 s. */
  stale_after_ms?: number;
  /** Further variables of the orchestrator. */
  env?: Environment;
  /** Program of the Node.js that runs orchestrator and listeners; this one by default. */
  node?: string;
}

/** An orchestrator with its database and queue, as processes of their own. Listeners are started on top. */
export interface Stack {
  orchestrator_url: string;
  orchestrator: Restartable;
  database_url: string;
  queue_url: string;
  /** null when the queue is on Postgres. */
  redis: Redis | null;
  encryption_key: string;
  rest: RestClient;
  admin: { email: string; password: string };
  /** Starts the orchestrator (again) and waits until it is ready. */
  startOrchestrator(env?: Environment): Promise<void>;
  newProduct(wishes: ProductWishes): Promise<TestProduct>;
  /** Starts a listener of a product and waits until it runs; it need not be connected. */
  startListener(product: TestProduct, options?: { instance_id?: string; env?: Environment }): Promise<TestListener>;
  /** What all processes of the stack have written. */
  output(): string;
  stop(): Promise<void>;
}

export interface TestListener {
  instance_id: string;
  data_dir: string;
  pid(): number;
  health_port(): number;
  /** Resident memory of the process. */
  memory_bytes(): number;
  kill(): Promise<void>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** Starts again, with the same name and data. */
  start(env?: Environment): Promise<void>;
  /** The answer of its /healthz. */
  health(): Promise<Record<string, unknown>>;
  output(): string;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const database: TestDatabase = await createTestDatabase();
  const redis = options.queue === 'redis' ? await startRedis() : null;
  const queue_url = redis?.url ?? database.url;
  const port = await freePort();
  const orchestrator_url = `http://127.0.0.1:${port}`;
  const encryption_key = randomBytes(32).toString('base64');
  const admin = { email: 'admin@example.com', password: randomBytes(12).toString('hex') };
  const orchestratorEnvironment = {
    PORT: String(port),
    DATABASE_URL: database.url,
    QUEUE_URL: queue_url,
    MQTT_PASSWORD_ENCRYPTION_KEY: encryption_key,
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    EGRESS_ALLOW: 'loopback',
    LISTENER_RUNTIME: 'none',
    DATA_DIR: createTestDirectory('orchestrator'),
    SHUTDOWN_TIMEOUT: '2s',
    STALE_AFTER: `${options.stale_after_ms ?? 15_000}ms`,
    ...options.env,
  };
  const orchestrator = createRestartable('orchestrator', orchestratorEnvironment, options.node);
  const startOrchestrator = async (env: Environment = {}): Promise<void> => {
    const process = await orchestrator.start(env);
    await waitFor(
      async () => {
        if (!process.running()) return 'ended';
        return (await fetch(`${orchestrator_url}/readyz`)).ok && 'ready';
      },
      { timeout_ms: PATIENCE_MS, interval_ms: 50, message: () => `the orchestrator to be ready:\n${process.output()}` },
    ).then((how) => {
      if (how === 'ended') throw new Error(`the orchestrator ended:\n${process.output()}`);
    });
  };
  await startOrchestrator();
  const rest = await signIn(orchestrator_url, admin);
  const listeners: Restartable[] = [];

  return {
    orchestrator_url,
    orchestrator,
    database_url: database.url,
    queue_url,
    redis,
    encryption_key,
    rest,
    admin,
    startOrchestrator,
    newProduct: (wishes) => createProduct(rest, wishes),
    async startListener(product, { instance_id = `${product.slug}-1`, env = {} } = {}) {
      const data_dir = createTestDirectory('listener');
      const environment = {
        ORCHESTRATOR_URL: orchestrator_url,
        LISTENER_TOKEN: product.listener_token,
        INSTANCE_ID: instance_id,
        QUEUE_URL: queue_url,
        DATA_DIR: data_dir,
        HEALTH_PORT: '0',
        EGRESS_ALLOW: 'loopback',
        ...env,
      };
      const restartable = createRestartable('listener', environment, options.node);
      listeners.push(restartable);
      let health_port = 0;
      const start = async (more: Environment = {}): Promise<void> => {
        const process = await restartable.start(more);
        const [, found] = await process.waitForOutput(/"health_port":(\d+)/, { timeout_ms: PATIENCE_MS });
        health_port = Number(found);
      };
      await start();
      return {
        instance_id,
        data_dir,
        pid: () => restartable.current().pid,
        health_port: () => health_port,
        memory_bytes: () => {
          const [, kibibytes] =
            /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${restartable.current().pid}/status`, 'utf8')) ?? [];
          return Number(kibibytes) * 1024;
        },
        kill: async () => {
          await restartable.kill();
        },
        stop: async () => (await restartable.stop()).code,
        start,
        health: async () => {
          const response = await fetch(`http://127.0.0.1:${health_port}/healthz`);
          return (await response.json()) as Record<string, unknown>;
        },
        output: restartable.output,
      };
    },
    output: () => [orchestrator, ...listeners].map((process) => process.output()).join('\n'),
    async stop() {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await orchestrator.stop();
      await redis?.stop();
      await database.drop();
    },
  };
}
