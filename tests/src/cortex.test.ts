import { execFile, execFileSync, spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack } from './harness/stack';

jest.setTimeout(240_000);

const CORTEX = join(__dirname, '..', '..', 'apps', 'cli', 'dist', 'main.js');
const PASSWORD = 'a broker password that no file holds';

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

describe('cortex, between two installations', () => {
  let from: Stack;
  let to: Stack;
  let files: string;
  let broker: Mosquitto;
  let publisher: Publisher;
  let receiver: HttpReceiver;
  let isBroken = false;

  beforeAll(async () => {
    files = createTestDirectory('cortex');
    broker = await startMosquitto();
    publisher = await startPublisher(broker.url);
    receiver = await startHttpReceiver({ answer: () => ({ status: isBroken ? 400 : 200 }) });
    [from, to] = await Promise.all([startStack({ queue: 'postgres' }), startStack({ queue: 'postgres' })]);
    for (const slug of ['orders', 'billing']) {
      const { id } = await from.rest.call<{ id: number }>('POST', '/products', { name: slug, slug });
      await from.rest.call('PUT', `/products/${id}/mqtt-config`, {
        broker: { host: 'broker.example.com', username: 'u', password: PASSWORD },
        topics: { prefix: 'shop' },
      });
      await from.rest.call('POST', `/products/${id}/mqtt-config/subscriptions`, {
        name: 'new',
        topic: '{+id}/new',
        actions: [{ type: 'log', message: 'order {{params.id}}' }],
      });
    }
  });
  afterAll(async () => {
    await publisher?.end();
    await from?.stop();
    await to?.stop();
    await broker?.stop();
    await receiver?.stop();
  });

  const cortex = (
    stack: Stack | null,
    args: string[],
    { input = '', env = {} }: { input?: string; env?: object } = {},
  ) =>
    new Promise<Answer>((resolve) => {
      const server = stack ? { CORTEX_URL: stack.orchestrator_url, CORTEX_TOKEN: stack.rest.token } : {};
      const child = execFile(
        process.execPath,
        [CORTEX, ...args],
        { env: { PATH: process.env.PATH ?? '', HOME: files, ...server, ...env } },
        (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
      child.stdin?.end(input);
    });

  /** A command that runs until it is ended. */
  const follow = (args: string[]) => {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: files,
      CORTEX_URL: to.orchestrator_url,
      CORTEX_TOKEN: to.rest.token,
    };
    const child = spawn(process.execPath, [CORTEX, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const end = () => {
      child.kill('SIGINT');
      return ended;
    };
    return { output: () => output, end };
  };

  it('moves two products, and the second plan is empty', async () => {
    const exported = await cortex(from, ['export']);
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    expect(exported.stdout).not.toContain(PASSWORD);
    const file = join(files, 'products.yaml');
    writeFileSync(file, exported.stdout);
    expect((await cortex(from, ['plan', file])).code).toBe(0);

    const pending = await cortex(to, ['plan', file]);
    expect(pending.code).toBe(2);
    expect(pending.stdout).toContain('2 to create, 0 to update, 0 to delete');
    // Nobody is there to agree.
    expect(await cortex(to, ['apply', file])).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') });
    const applied = await cortex(to, ['apply', '-', '--yes'], { input: exported.stdout });
    expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining('orders: created at revision') });
    expect((await cortex(to, ['plan', file])).code).toBe(0);
    expect((await cortex(to, ['export'])).stdout).toBe(exported.stdout);

    const with_password = await cortex(to, ['apply', file, '--yes'], {
      env: { CORTEX_SECRET_ORDERS__BROKER_PASSWORD: PASSWORD },
    });
    expect(with_password.stdout).toContain('secret value BROKER_PASSWORD');
    expect(with_password.stdout).not.toContain(PASSWORD);
    expect((await cortex(to, ['export'])).stdout).toBe(exported.stdout);
  });

  it('says what is wrong with a file, by product and field', async () => {
    const faulty = await cortex(to, ['validate', '-'], {
      input: 'version: 1\nslug: bad\nname: Bad\nbroker: {host: h, port: 0}\n',
    });
    expect(faulty).toMatchObject({ code: 1, stderr: expect.stringContaining('bad: broker.port') });
    const plain = await cortex(to, ['plan', '-'], {
      input: 'version: 1\nslug: bad\nname: Bad\nbroker: {host: h, password: plain}\n',
    });
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringContaining('never the secret itself') });
  });

  it('signs in once, and keeps the token to its person', async () => {
    const token = to.rest.token;
    const login = await cortex(null, ['login', to.orchestrator_url], { input: `${token}\n` });
    expect(login).toMatchObject({ code: 0, stderr: expect.stringContaining(to.orchestrator_url) });
    const file = join(files, '.config', 'cortex-mqtt', 'credentials.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8')).token).toBe(token);
    expect((await cortex(null, ['export', '--product', 'orders'])).stdout).toContain('slug: orders');
    expect((await cortex(null, ['status', '--json'])).code).toBe(1);
    expect((await cortex(null, ['export', '--product', 'nobody'])).code).toBe(1);
  });

  it('takes a product over from a .env file', async () => {
    const file = join(files, 'legacy.env');
    writeFileSync(
      file,
      `MQTT_HOST=legacy.example.com\nMQTT_PORT=8883\nMQTT_USE_TLS=true\nMQTT_PASSWORD='${PASSWORD}'\nMQTT_QOS=2\n`,
    );
    const args = ['import-env', file, '--product', 'legacy'];
    expect(await cortex(to, args)).toMatchObject({ code: 1, stderr: expect.stringContaining('--create') });
    const dry = await cortex(to, [...args, '--create', 'Legacy', '--dry-run']);
    expect(dry).toMatchObject({ code: 2, stdout: expect.stringContaining('legacy.example.com') });
    expect(await cortex(to, [...args, '--create', 'Legacy', '--yes'])).toMatchObject({ code: 0 });
    const { stdout } = await cortex(to, ['export', '--product', 'legacy']);
    expect(stdout).toMatch(/host: legacy\.example\.com[\s\S]*transport: tls[\s\S]*qos: 2/);
    expect(stdout).not.toContain(PASSWORD);
    expect((await cortex(to, [...args, '--dry-run'])).code).toBe(0);
    writeFileSync(file, 'MQTT_PORT=no port\n');
    expect(await cortex(to, [...args, '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MQTT_PORT'),
    });
  });

  it('shows what was changed beside the files, and watches a folder of them', async () => {
    const folder = createTestDirectory('watched');
    const file = join(folder, 'watched.yaml');
    const text = (name: string) => `version: 1\nslug: watched\nname: ${name}\nmanaged_by: {name: git}\n`;
    writeFileSync(file, text('One'));
    const once = await cortex(to, ['watch', folder, '--once']);
    expect(once).toMatchObject({ code: 0, stdout: expect.stringContaining('watched: created') });
    expect(await cortex(to, ['drift'])).toMatchObject({ code: 0, stdout: 'nothing has drifted\n' });
    const { items } = await to.rest.call<{ items: { id: number }[] }>('GET', '/products?search=watched');
    await to.rest.call('PATCH', `/products/${items[0]?.id}`, { description: 'by hand' });
    expect(await cortex(to, ['drift'])).toMatchObject({ code: 2, stdout: expect.stringContaining('description') });

    const watching = follow(['watch', folder]);
    await waitFor(() => watching.output().includes('watched: updated'), { timeout_ms: PATIENCE_MS });
    expect((await cortex(to, ['drift'])).code).toBe(0);
    writeFileSync(file, 'slug: [');
    await waitFor(() => watching.output().includes('watched.yaml'), { timeout_ms: PATIENCE_MS });
    writeFileSync(file, text('Two'));
    await waitFor(() => watching.output().includes('"One" → "Two"'), { timeout_ms: PATIENCE_MS });
    expect(await watching.end()).toBe(0);
  });

  it('follows messages and tries dead letters again', async () => {
    const product = await to.newProduct({ name: 'tailed', broker: { host: '127.0.0.1', port: broker.port } });
    await product.addSubscription({
      name: 'orders',
      topic: 'orders/+',
      actions: [{ id: 'hook', type: 'webhook', url: receiver.url }],
    });
    await to.startListener(product);
    await product.untilSettled();
    isBroken = true;
    const tail = follow(['messages', 'tail', '--product', product.slug, '--subscription', 'orders']);
    await publisher.client.publishAsync('orders/7', '{"n":7}', { qos: 1 });
    await waitFor(() => /orders\/7 {2}\{"n":7\}/.test(tail.output()), { timeout_ms: PATIENCE_MS });
    expect(await tail.end()).toBe(0);
    await waitFor(
      async () => (await to.rest.call<{ dead: number }>('GET', `/products/${product.id}/deliveries/counts`)).dead === 1,
      { timeout_ms: PATIENCE_MS },
    );
    isBroken = false;
    const retried = await cortex(to, ['deliveries', 'retry', '--product', product.slug]);
    expect(retried).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 deliveries') });
    await waitFor(() => receiver.requests.length >= 2, { timeout_ms: PATIENCE_MS });
    const status = await cortex(to, ['status', '--product', product.slug]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining('connected') });
    expect((await cortex(to, ['messages', 'tail', '--product', product.slug])).code).toBe(1);
  });

  it('completes in a shell', async () => {
    const { stdout: script } = await cortex(null, ['completion']);
    const complete = (...words: string[]) =>
      execFileSync('bash', [
        '-c',
        `${script}\nCOMP_WORDS=(cortex "$@"); COMP_CWORD=$#; _cortex; echo "\${COMPREPLY[@]}"`,
        'bash',
        ...words,
      ]).toString();
    expect(complete('ex')).toBe('export\n');
    expect(complete('apply', '--')).toContain('--prune');
    expect(complete('import-env', '--p')).toBe('--product\n');
  });

  it('is one file when it is bundled', async () => {
    const bundle = join(files, 'cortex.js');
    const root = join(__dirname, '..', '..');
    const rolldown = join(root, 'node_modules', '.bin', 'rolldown');
    execFileSync(rolldown, [CORTEX, '--platform', 'node', '--format', 'cjs', '--file', bundle, '--minify']);
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: files,
      CORTEX_URL: to.orchestrator_url,
      CORTEX_TOKEN: to.rest.token,
    };
    const stdout = execFileSync(process.execPath, [bundle, 'export', '--product', 'orders'], {
      cwd: '/',
      env,
    }).toString();
    expect(stdout).toBe((await cortex(to, ['export', '--product', 'orders'])).stdout);
  });

  it('completes, explains itself and refuses what it does not know', async () => {
    expect((await cortex(null, ['--help'])).stdout).toContain('plan FILE');
    expect((await cortex(null, ['completion'])).stdout).toContain('complete -o default -F _cortex cortex');
    expect((await cortex(null, ['plan', '--nonsense'])).code).toBe(1);
    expect((await cortex(null, ['nonsense'])).code).toBe(1);
  });
});
