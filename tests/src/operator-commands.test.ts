import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  spawnProcess,
  startHttpReceiver,
  startMosquitto,
} from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { signIn } from './harness/rest-client';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

jest.setTimeout(240_000);

const COMMAND = join(__dirname, '..', '..', 'scripts', 'lib', 'orchestrator-command.cjs');
const PASSWORD = 'imported-password-6620';

describe('what an operator runs while everything runs', () => {
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let product: TestProduct;
  let files: string;

  /** What `scripts/import-env` and its like run. */
  async function command(args: string[], options: { env?: Record<string, string>; input?: string } = {}) {
    const running = await spawnProcess({
      command: process.execPath,
      args: [COMMAND, ...args],
      env: {
        NODE_ENV: 'production',
        DATA_DIR: files,
        DATABASE_URL: stack.database_url,
        MQTT_PASSWORD_ENCRYPTION_KEY: stack.encryption_key,
        ...options.env,
      },
      input: options.input,
    });
    const { code } = await running.exited;
    expect(running.output()).not.toContain(PASSWORD);
    return { code, stdout: running.stdout(), stderr: running.stderr() };
  }

  beforeAll(async () => {
    files = createTestDirectory('operator');
    broker = await startMosquitto({ users: { importer: PASSWORD } });
    receiver = await startHttpReceiver();
    stack = await startStack({ queue: 'postgres' });
    product = await stack.newProduct({ name: 'operated' });
    await product.addSubscription({
      name: 'all',
      topic: 'events',
      actions: [{ id: 'hook', type: 'webhook', url: receiver.url }],
    });
    await stack.startListener(product, { env: { POLL_INTERVAL: '2s' } });
    publisher = await startPublisher(broker.url, { username: 'importer', password: PASSWORD });
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  it('takes a configuration over from a .env file, which the listener applies', async () => {
    const file = join(files, 'product.env');
    writeFileSync(
      file,
      [
        ...['MQTT_HOST=127.0.0.1', `MQTT_PORT=${broker.port}`, 'MQTT_USE_TLS=false', 'MQTT_USERNAME=importer'],
        ...[`MQTT_PASSWORD=${PASSWORD}`, 'MQTT_TOPIC_PREFIX=imported', 'MQTT_QOS=1', ''],
      ].join('\n'),
    );
    const dry = await command(['import-env', file, '--product', product.slug, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/broker\.host: null → "127\.0\.0\.1"/) });
    expect((await product.status()).connected).toBe(false);

    const written = await command(['import-env', file, '--product', product.slug]);
    expect(written).toMatchObject({ code: 0, stdout: expect.stringMatching(/written as revision \d+/) });
    await product.untilSettled();
    await publisher.publish('imported/events', '{"n": 1}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });

    const again = await command(['import-env', file, '--product', product.slug]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/nothing to change/) });
  });

  it('seals the secrets anew under another key, while listener and orchestrator go on', async () => {
    const new_key = randomBytes(32).toString('base64');
    const keys = { MQTT_PASSWORD_ENCRYPTION_KEY: new_key, MQTT_PASSWORD_ENCRYPTION_KEYS_OLD: stack.encryption_key };
    await stack.orchestrator.stop();
    await stack.startOrchestrator(keys);
    const rotated = await command(['rotate-keys'], { env: keys });
    expect(rotated).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/[1-9]\d* values .*, 0 could not be opened/),
    });
    const left = await command(['rotate-keys', '--dry-run'], { env: { MQTT_PASSWORD_ENCRYPTION_KEY: new_key } });
    expect(left).toMatchObject({ code: 0, stdout: expect.stringMatching(/^0 values/) });

    await stack.orchestrator.stop();
    await stack.startOrchestrator({ MQTT_PASSWORD_ENCRYPTION_KEY: new_key });
    expect(await stack.rest.call('POST', `${product.path}/test`)).toMatchObject({ status: 'success' });
    receiver.clear();
    await product.configure({ topics: { prefix: 'rotated' } });
    await product.untilSettled();
    await publisher.publish('rotated/events', '{"n": 2}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
  });

  it('sets a new password for somebody who is locked out', async () => {
    const { email } = stack.admin;
    const reset = await command(['reset-password', email]);
    expect(reset.code).toBe(0);
    const [, password = ''] = /new password of \S+: (\S+)/.exec(reset.stdout) ?? [];
    await expect(signIn(stack.orchestrator_url, stack.admin)).rejects.toThrow(/401/);
    const rest = await signIn(stack.orchestrator_url, { email, password });
    expect(await rest.call('GET', '/auth/me')).toMatchObject({ user: { email } });
    expect(await command(['reset-password', 'nobody@example.com'])).toMatchObject({ code: 1 });
  });
});
