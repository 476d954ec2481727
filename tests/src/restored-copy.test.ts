import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  spawnProcess,
  startHttpReceiver,
  startMosquitto,
  startTestPostgres,
  waitFor,
} from '@cortex-mqtt/testing';
import { Client } from 'pg';
import { createRestartable, type Restartable } from './harness/node-process';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

jest.setTimeout(240_000);

const COMMAND = join(__dirname, '..', '..', 'scripts', 'lib', 'orchestrator-command.cjs');

describe('a copy of the database, started beside the original', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let product: TestProduct;
  let copy: Restartable;
  let copy_url: string;
  let copy_database: string;
  let files: string;

  const environmentOfCopy = () => ({
    DATABASE_URL: copy_database,
    QUEUE_URL: copy_database,
    MQTT_PASSWORD_ENCRYPTION_KEY: stack.encryption_key,
  });

  async function command(args: string[], env: Record<string, string> = {}) {
    const running = await spawnProcess({
      command: process.execPath,
      args: [COMMAND, ...args],
      env: { NODE_ENV: 'production', DATA_DIR: files, ...environmentOfCopy(), ...env },
    });
    const { code } = await running.exited;
    return { code, stdout: running.stdout(), stderr: running.stderr() };
  }

  const healthOfCopy = async () =>
    (await (await fetch(`${copy_url}/healthz`)).json()) as { installation_apart?: string };

  async function startCopy(): Promise<void> {
    await copy.start();
    await waitFor(
      () =>
        fetch(`${copy_url}/readyz`)
          .then((response) => response.ok)
          .catch(() => false),
      { timeout_ms: PATIENCE_MS, message: () => 'the copy to be ready' },
    );
  }

  beforeAll(async () => {
    files = createTestDirectory('copy');
    [broker, receiver, stack] = await Promise.all([
      startMosquitto({}),
      startHttpReceiver(),
      startStack({ queue: 'postgres', env: { LISTENER_RUNTIME: 'process' } }),
    ]);
    publisher = await startPublisher(broker.url);
    product = await stack.newProduct({
      name: 'Original',
      broker: { host: '127.0.0.1', port: broker.port },
      subscriptions: [{ name: 'all', topic: 'events', actions: [{ id: 'hook', type: 'webhook', url: receiver.url }] }],
    });
    await product.untilSettled();
    // A dump and its restore, in one statement: the same rows in another database.
    await stack.orchestrator.stop();
    const name = `restored_${randomBytes(4).toString('hex')}`;
    const client = new Client({ connectionString: (await startTestPostgres()).url });
    await client.connect();
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${new URL(stack.database_url).pathname.slice(1)}`);
    await client.end();
    const url = new URL(stack.database_url);
    url.pathname = `/${name}`;
    copy_database = url.toString();
    await stack.startOrchestrator();
    await product.untilSettled();
    const port = 20_000 + (process.pid % 20_000);
    copy_url = `http://127.0.0.1:${port}`;
    copy = createRestartable('orchestrator', {
      ...environmentOfCopy(),
      PORT: String(port),
      EGRESS_ALLOW: 'loopback',
      LISTENER_RUNTIME: 'process',
      DATA_DIR: createTestDirectory('copy-data'),
      SHUTDOWN_TIMEOUT: '2s',
    });
  });

  afterAll(async () => {
    await copy?.stop();
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  it('keeps its hands off: it takes no session, gives no listener its configuration, and says why', async () => {
    await startCopy();
    expect((await healthOfCopy()).installation_apart).toMatch(/^the database was restored from another one/);
    const asked = await fetch(`${copy_url}/internal/v1/mqtt-config`, {
      headers: { authorization: `Bearer ${product.listener_token}` },
    });
    expect(asked.status).toBe(503);
    expect(((await asked.json()) as { detail: string }).detail).toContain('installation adopt');
    for (let number = 1; number <= 20; number += 1) await publisher.publish('events', `{"n":${number}}`);
    const requests = await receiver.waitForRequests(20, { timeout_ms: PATIENCE_MS });
    expect(new Set(requests.map((request) => (request.json() as { payload: { n: number } }).payload.n)).size).toBe(20);
    expect((await product.status()).state).toBe('connected');
    expect((await command(['installation'])).stdout).toContain('A copy of installation');
  });

  it('stays beside it with ids of its own when told so: nothing runs until it is resumed', async () => {
    await copy.stop();
    const { code, stdout } = await command(['installation', 'keep-apart']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Paused products: 1')]);
    await startCopy();
    expect(await healthOfCopy()).not.toHaveProperty('installation_apart');
    const before = receiver.count();
    await publisher.publish('events', '{"n":21}');
    await receiver.waitForRequests(before + 1, { timeout_ms: PATIENCE_MS });
    expect(receiver.count()).toBe(before + 1);
    expect((await product.status()).state).toBe('connected');
  });

  it('does not start with another key than that of its secrets, and says which', async () => {
    await copy.stop();
    const wrong = await command(['installation'], { MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64') });
    expect(wrong.code).not.toBe(0);
    const process = await copy.start({ MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64') });
    const { code } = await process.exited;
    expect([code, process.output()]).toEqual([2, expect.stringContaining('is not the key that this database')]);
  });
});
