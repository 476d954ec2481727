import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createTestDatabase,
  createTestDirectory,
  freePort,
  spawnProcess,
  type TestDatabase,
} from '@cortex-mqtt/testing';
import { signIn } from '../harness/rest-client';
import { type FencedBlock, fencedBlocks, PAGES, ROOT } from './fenced-blocks';
import { runShellBlocks, type Substitutions } from './shell-session';

jest.setTimeout(420_000);

interface Addresses {
  orchestrator_url: string;
  admin_email: string;
  admin_password: string;
  api_token: string;
  broker_url: string;
}

/** Blocks that another test runs, because they start or measure whole installations; each by a text that it holds. */
const RUN_ELSEWHERE: Record<string, string> = {
  './scripts/up  ': 'scripts/src/up.test.ts',
  'kubectl create secret': 'tests/src (golden files of the chart; there is no API server here)',
  'docker compose up -d --build': 'tests/containers/check.mjs',
  'LISTENER_RUNTIME=docker': 'tests/containers/docker-runtime.mjs',
  './scripts/bench': 'scripts/src/bench (by hand)',
};

/** What the pages say runs, on a fresh installation as `./scripts/up` makes it. */
describe('the documentation', () => {
  const data_dir = createTestDirectory('docs-up');
  let addresses: Addresses;
  let restored: TestDatabase;
  let substitutions: Substitutions;

  const program = async (name: 'up.js' | 'down.js', args: string[], env: Record<string, string> = {}) => {
    const child = await spawnProcess({
      command: process.execPath,
      args: [join(ROOT, 'scripts', 'dist', name), ...args],
      env: { DATA_DIR: data_dir, NODE_ENV: undefined, ...env },
    });
    const { code } = await child.exited;
    return { code, stdout: child.stdout(), output: child.output() };
  };

  beforeAll(async () => {
    const [started, database] = await Promise.all([
      program('up.js', ['--json', '--detach'], { PORT: String(await freePort()) }),
      createTestDatabase(),
    ]);
    if (started.code !== 0) throw new Error(started.output);
    addresses = JSON.parse(started.stdout) as Addresses;
    restored = database;
    const { orchestrator_url, api_token, admin_email, admin_password } = addresses;
    const broker = new URL(addresses.broker_url);
    const login = { email: admin_email, password: admin_password };
    const brokerFields = {
      host: broker.hostname,
      port: Number(broker.port),
      username: broker.username,
      password: decodeURIComponent(broker.password),
    };
    substitutions = {
      'TOKEN=cma_…': `TOKEN=${api_token}`,
      'API=http': `API=${orchestrator_url}/api/v1`,
      'base=http': `base=${orchestrator_url}/api/v1`,
      'login=': `login='${JSON.stringify(login)}'`,
      'broker=': `broker='${JSON.stringify(brokerFields)}'`,
      'export CORTEX_URL=': `export CORTEX_URL=${orchestrator_url} CORTEX_TOKEN=${api_token}`,
      'empty=postgres': `empty=${restored.url}`,
      'person=': `person=${admin_email}`,
    };
  });

  afterAll(async () => {
    await program('down.js', []);
    await restored?.drop();
  });

  /** The pages have reset the administrator's password, which ends the tokens. */
  const tokenAfterReset = async (): Promise<string> => {
    const { orchestrator_url, admin_email: email } = addresses;
    const password = 'another pass phrase of one’s own';
    const reset = promisify(execFile)(join(ROOT, 'scripts', 'reset-password'), [email, '--stdin'], {
      env: { ...process.env, DATA_DIR: data_dir },
    });
    reset.child.stdin?.end(`${password}\n`);
    await reset;
    return (await signIn(orchestrator_url, { email, password })).token;
  };

  const shellBlocksOf = (file: string): FencedBlock[] =>
    fencedBlocks(file).filter(
      ({ language, text }) =>
        language === 'sh' && !Object.keys(RUN_ELSEWHERE).some((command) => text.includes(command)),
    );

  it.each(PAGES.filter((page) => shellBlocksOf(page).length > 0))(
    '%s: its commands run as written, in order',
    async (page) => {
      const server = JSON.parse(readFileSync(join(data_dir, 'postgres', 'server.json'), 'utf8')) as {
        password: string;
        port: number;
      };
      const { encryption_key } = JSON.parse(readFileSync(join(data_dir, 'secrets.json'), 'utf8')) as {
        encryption_key: string;
      };
      const { code, output } = await runShellBlocks(shellBlocksOf(page), {
        substitutions,
        env: {
          DATA_DIR: data_dir,
          DATABASE_URL: `postgres://cortex:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/cortex_mqtt`,
          MQTT_PASSWORD_ENCRYPTION_KEY: encryption_key,
        },
      });
      expect({ code, output: code === 0 ? '' : output.slice(-3_000) }).toEqual({ code: 0, output: '' });
    },
  );

  it('every action and document that a page shows is taken', async () => {
    addresses.api_token = await tokenAfterReset();
    const call = async (method: string, path: string, body: unknown) => {
      const response = await fetch(`${addresses.orchestrator_url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${addresses.api_token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { body: product } = await call('POST', '/products', { name: 'Examples' });
    const path = `/products/${product.id}`;
    for (const name of ['CRM_TOKEN', 'CRM_SIGNING', 'WAREHOUSE_URL']) {
      const value = name === 'WAREHOUSE_URL' ? 'postgres://u:p@db.example.com/w' : `whsec_${'QUJD'.repeat(11)}`;
      await call('PUT', `${path}/secrets/${name}`, { value });
    }
    const refused: string[] = [];
    for (const block of fencedBlocks('docs/actions.md').filter(({ language }) => language === 'json')) {
      const answer = await call('POST', `${path}/mqtt-config/subscriptions`, {
        name: `line ${block.line}`,
        topic: 'orders/{+order}',
        actions: JSON.parse(block.text) as unknown,
      });
      if (answer.status !== 201) refused.push(`docs/actions.md:${block.line}: ${JSON.stringify(answer.body)}`);
    }
    for (const block of fencedBlocks('docs/messages.md').filter(({ language }) => language === 'json')) {
      const answer = await call('POST', `${path}/replays`, JSON.parse(block.text));
      const named = (answer.body.errors as unknown[] | undefined) ?? [];
      if (answer.status !== 201)
        refused.push(`docs/messages.md:${block.line}: ${answer.status} ${JSON.stringify(named)}`);
    }
    const [yaml] = fencedBlocks('docs/configuration-as-code.md').filter(({ language }) => language === 'yaml');
    const document = createTestDirectory('document');
    writeFileSync(join(document, 'orders.yaml'), yaml?.text ?? '');
    const plan = await spawnProcess({
      command: process.execPath,
      args: [join(ROOT, 'apps', 'cli', 'dist', 'main.js'), 'plan', join(document, 'orders.yaml')],
      env: {
        CORTEX_URL: addresses.orchestrator_url,
        CORTEX_TOKEN: addresses.api_token,
        ORDERS_API_TOKEN: 'a value',
        CORTEX_SECRET_BROKER_PASSWORD: 'a value',
      },
    });
    const { code } = await plan.exited;
    if (code !== 2) refused.push(`docs/configuration-as-code.md:${yaml?.line}: ${code} ${plan.output()}`);
    expect(refused).toEqual([]);
  });

  it('a client that is generated from the OpenAPI document walks through the API in strict TypeScript', async () => {
    const folder = createTestDirectory('client');
    const run = promisify(execFile);
    const document = await fetch(`${addresses.orchestrator_url}/api/v1/openapi.json`);
    writeFileSync(join(folder, 'openapi.json'), await document.text());
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    copyFileSync(join(ROOT, 'tests', 'client', 'walk-through.ts'), join(folder, 'walk-through.ts'));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
          ...{
            target: 'es2023',
            lib: ['es2023', 'dom'],
            module: 'nodenext',
            outDir: 'out',
            rootDir: '.',
            types: ['node'],
          },
        },
        files: ['walk-through.ts'],
      }),
    );
    const inFolder = (name: string) => join(folder, name);
    // npm finds the command wherever npm has put the package.
    const generate = ['exec', '--no', '-w', '@cortex-mqtt/tests', '--', 'openapi-typescript'];
    await run('npm', [...generate, inFolder('openapi.json'), '-o', inFolder('api.ts')], { cwd: ROOT });
    const compiled = await run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { cwd: folder }).catch(
      (error: { stdout: string }) => ({ stdout: error.stdout, stderr: 'failed' }),
    );
    expect(compiled).toEqual({ stdout: '', stderr: '' });
    const walked = await run(process.execPath, [join('out', 'walk-through.js')], {
      cwd: folder,
      env: {
        ...process.env,
        API_URL: addresses.orchestrator_url,
        API_TOKEN: addresses.api_token,
        BROKER_URL: addresses.broker_url,
      },
    });
    expect(JSON.parse(walked.stdout)).toMatchObject({ products: expect.any(Number) });
  });
});
