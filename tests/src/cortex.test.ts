import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDirectory } from '@cortex-mqtt/testing';
import { type Stack, startStack } from './harness/stack';

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

  beforeAll(async () => {
    files = createTestDirectory('cortex');
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
    await from?.stop();
    await to?.stop();
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

  it('completes, explains itself and refuses what it does not know', async () => {
    expect((await cortex(null, ['--help'])).stdout).toContain('plan FILE');
    expect((await cortex(null, ['completion'])).stdout).toContain('complete -o default -F _cortex cortex');
    expect((await cortex(null, ['plan', '--nonsense'])).code).toBe(1);
    expect((await cortex(null, ['nonsense'])).code).toBe(1);
  });
});
