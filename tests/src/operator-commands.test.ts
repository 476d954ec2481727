import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  createTestDatabase,
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  spawnProcess,
  startHttpReceiver,
  startMosquitto,
} from '@cortex-mqtt/testing';
import { Client } from 'pg';
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

  it('writes a backup while everything runs, and restores it into an empty database, byte for byte', async () => {
    const secret = 'restored-secret-5521';
    await stack.rest.call('PUT', `/products/${product.id}/secrets/ERP_KEY`, { value: secret });
    await product.configure({ topics: { prefix: 'line\u2028one \\. two' } });
    const file = join(files, 'backup.gz');
    const backup = await command(['backup', file]);
    expect([backup.code, backup.stdout]).toEqual([0, expect.stringContaining('keep the key elsewhere')]);
    expect(gunzipSync(readFileSync(file)).toString()).not.toContain(secret);

    const restored = await createTestDatabase();
    const env = { DATABASE_URL: restored.url };
    const wrong = { ...env, MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    const refused = await command(['restore', file], { env: wrong });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('Its secrets are sealed with the key')]);
    const first = await command(['restore', file], { env });
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('installation adopt')]);
    const twice = await command(['restore', file], { env });
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
    writeFileSync(join(files, 'no-backup'), 'text');
    const none = await command(['restore', join(files, 'no-backup')], { env });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('is not a backup')]);

    const rows = async (url: string) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      const read = async (query: string) => (await client.query(query)).rows;
      const all = [
        await read('SELECT * FROM products ORDER BY id'),
        await read('SELECT * FROM mqtt_configs ORDER BY id'),
        await read('SELECT id, name, topic, actions FROM mqtt_subscriptions ORDER BY id'),
        await read('SELECT * FROM product_secrets ORDER BY id'),
        await read('SELECT id, email, password_hash FROM users ORDER BY id'),
        await read('SELECT id, action, after FROM audit_logs ORDER BY id'),
      ];
      await client.end();
      return all;
    };
    expect(await rows(restored.url)).toEqual(await rows(stack.database_url));
    const shown = await command(['installation'], { env });
    expect(shown.stdout).toContain('A copy of installation');
    expect((await command(['installation', 'adopt'], { env })).code).toBe(0);
    expect((await command(['installation'], { env })).stdout).toMatch(/^Installation /);
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
