import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isStillRunning } from '@cortex-mqtt/embedded';
import { createTestDirectory, freePort, spawnProcess } from '@cortex-mqtt/testing';
import type { RunRecord, StackAddresses } from './up/run-record';

const DIST = resolve(__dirname, '..', 'dist');
const START_TIMEOUT_MS = 180_000;

/** The commands run as a person runs them: the built programs, in processes of their own. */
describe('scripts/up and scripts/down', () => {
  const dataDir = createTestDirectory('up');
  let port: number;

  beforeAll(async () => {
    if (!existsSync(resolve(DIST, 'up.js'))) {
      throw new Error('not built: run "npm run build:server" first');
    }
    port = await freePort();
  });
  afterAll(() => run('down.js', []), START_TIMEOUT_MS);

  async function run(program: 'up.js' | 'down.js', args: string[], env: Record<string, string> = {}) {
    const child = await spawnProcess({
      command: process.execPath,
      args: [resolve(DIST, program), ...args],
      env: { DATA_DIR: dataDir, PORT: String(port), NODE_ENV: undefined, ...env },
    });
    const { code } = await child.exited;
    return { code, stdout: child.stdout(), stderr: child.stderr() };
  }
  const up = (...args: string[]) => run('up.js', ['--json', '--no-demo', '--detach', ...args]);
  const runRecord = () => JSON.parse(readFileSync(resolve(dataDir, 'run.json'), 'utf8')) as RunRecord;

  it(
    'starts, survives kill -9 on the same data, says when it already runs, and stops without a trace',
    async () => {
      const first = await up();
      expect({ ...first, stdout: '' }).toMatchObject({ code: 0 });
      const addresses = JSON.parse(first.stdout) as StackAddresses;
      expect(addresses).toEqual({
        orchestrator_url: `http://127.0.0.1:${port}`,
        console_url: `http://127.0.0.1:${port}/`,
        docs_url: `http://127.0.0.1:${port}/docs`,
        queues_url: `http://127.0.0.1:${port}/admin/queues`,
        admin_email: expect.stringContaining('@'),
        admin_password: expect.stringMatching(/^\S{16,}$/),
        api_token: expect.stringMatching(/^\S{16,}$/),
        broker_url: expect.stringMatching(/^mqtt:\/\/demo:.+@127\.0\.0\.1:\d+$/),
        data_dir: dataDir,
      });
      const authorization = `Bearer ${addresses.api_token}`;
      const me = await fetch(`${addresses.orchestrator_url}/api/v1/auth/me`, { headers: { authorization } });
      expect(me.status).toBe(200);

      const again = await up();
      expect([again.code, again.stdout]).toEqual([0, first.stdout]);

      const elsewhere = await run('up.js', ['--no-demo'], { DATA_DIR: createTestDirectory('up-other') });
      expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining(`port ${port} is taken`) });

      const killed = runRecord();
      process.kill(killed.supervisor.pid, 'SIGKILL');
      const restarted = await up();
      expect([restarted.code, restarted.stdout]).toEqual([0, first.stdout]);
      expect(restarted.stderr).toContain('cleaning up after a start that was killed');
      expect(killed.children.map((child) => isStillRunning(child.process))).toEqual([false]);

      const last = runRecord();
      expect((await run('down.js', [])).code).toBe(0);
      expect([last.supervisor, ...last.children.map((child) => child.process)].map(isStillRunning)).toEqual([
        false,
        false,
      ]);
      expect(existsSync(resolve(dataDir, 'run.json'))).toBe(false);
      expect(existsSync(resolve(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
      expect((await run('down.js', [])).stderr).toContain('nothing is running');
    },
    START_TIMEOUT_MS,
  );

  it(
    'shows why the orchestrator refused its configuration, and exits with 2',
    async () => {
      const refused = await run('up.js', ['--no-demo'], { SESSION_TTL: 'for ever' });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('SESSION_TTL');
      expect(existsSync(resolve(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
    },
    START_TIMEOUT_MS,
  );
});
