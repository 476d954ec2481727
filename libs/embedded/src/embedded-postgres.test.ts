import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres';
import { identifyProcess, isStillRunning, stopProcess } from './process-identity';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('the embedded Postgres', () => {
  let home: string;
  let initialised: string;
  const running: EmbeddedPostgres[] = [];

  beforeAll(async () => {
    initialised = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
    chmodSync(initialised, 0o755);
    const server = await startEmbeddedPostgres({ dataDir: join(initialised, 'postgres'), disposable: true });
    await server.stop();
  });
  afterAll(() => rmSync(initialised, { recursive: true }));

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
    chmodSync(home, 0o755);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
    rmSync(home, { recursive: true, force: true });
  });

  async function start(dataDir = join(home, 'postgres'), port?: number): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({
      dataDir,
      port,
      disposable: true,
      settings: { synchronous_commit: 'on' },
    });
    running.push(server);
    return server;
  }

  /** Most tests are not about initdb, which takes the longest. */
  function copyInitialised(): void {
    const { status } = spawnSync('cp', ['-a', join(initialised, 'postgres'), home]);
    expect(status).toBe(0);
  }

  it('keeps data, port and password over a stop, and the password from others', async () => {
    copyInitialised();
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 'Zoë' AS name");
    await first.stop();
    expect(isStillRunning(first.process)).toBe(false);
    const second = await start();
    expect(second.url).toBe(first.url);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'SELECT name, upper(name) AS shouted FROM kept')).toEqual([
      { name: 'Zoë', shouted: 'ZOË' },
    ]);
    expect(statSync(join(home, 'postgres', 'server.json')).mode & 0o077).toBe(0);
    const anyone = new URL(second.url);
    anyone.password = 'guess';
    await expect(query(anyone.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  it('takes over a server whose starter is gone', async () => {
    copyInitialised();
    const left = await start();
    const found = await start();
    expect(found).toMatchObject({ adopted: true, url: left.url, process: left.process });
    await found.stop();
    expect(isStillRunning(left.process)).toBe(false);
  });

  it('starts again after the server itself was killed', async () => {
    copyInitialised();
    const first = await start();
    await query(first.url, 'CREATE TABLE kept (id int)');
    await stopProcess(first.process, { signal: 'SIGKILL', timeout_ms: 5_000 });
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 0 }]);
  });

  it('leaves a stranger alone that got the pid of a dead server', async () => {
    copyInitialised();
    const server = await start();
    const cluster = join(home, 'postgres', 'cluster');
    const pidFile = readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
    await server.stop();
    const stranger = process.pid;
    writeFileSync(join(cluster, 'postmaster.pid'), pidFile.replace(/^\d+/, String(stranger)));
    const again = await start();
    expect(again.adopted).toBe(false);
    expect(identifyProcess(stranger)).not.toBeNull();
  });

  it('takes another port when the one of last time is taken, and names a given one that is', async () => {
    copyInitialised();
    const first = await start();
    await first.stop();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(first.port, '127.0.0.1', resolve));
    try {
      await expect(start(undefined, first.port)).rejects.toThrow(/Address already in use/);
      const second = await start();
      expect(second.port).not.toBe(first.port);
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  });

  it('begins anew when initdb was killed half way', async () => {
    copyInitialised();
    const first = await start();
    await first.stop();
    rmSync(join(home, 'postgres', 'cluster', 'PG_VERSION'));
    const second = await start();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  // Everybody else runs the server as themselves: there is no other user who could be kept out.
  if (process.getuid?.() !== 0) {
    return;
  }
  describe('below a folder that only root enters', () => {
    beforeEach(() => chmodSync(home, 0o700));

    it('works, and lets the database follow the folder when it is moved', async () => {
      const first = await start();
      await query(first.url, 'CREATE TABLE kept (id int)');
      await first.stop();
      const place = JSON.parse(readFileSync(join(home, 'postgres', 'location.json'), 'utf8')) as { home: string };
      expect(existsSync(join(place.home, 'cluster', 'PG_VERSION'))).toBe(true);
      renameSync(join(home, 'postgres'), join(home, 'moved'));
      const second = await start(join(home, 'moved'));
      expect(await query(second.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 0 }]);
      await second.stop();
      rmSync(place.home, { recursive: true });
    });

    it('refuses to run a copy of the folder on the database of the original', async () => {
      const first = await start();
      cpSync(join(home, 'postgres'), join(home, 'copy'), { recursive: true });
      await expect(start(join(home, 'copy'))).rejects.toThrow(/of which .*copy is a copy/);
      await first.stop();
      const place = JSON.parse(readFileSync(join(home, 'postgres', 'location.json'), 'utf8')) as { home: string };
      rmSync(place.home, { recursive: true });
    });

    it('leaves no password where others can read it', async () => {
      await (await start()).stop();
      const place = JSON.parse(readFileSync(join(home, 'postgres', 'location.json'), 'utf8')) as { home: string };
      const found = spawnSync('find', [place.home, '-maxdepth', '1', '-name', '*password*'], { encoding: 'utf8' });
      expect(found.stdout).toBe('');
      rmSync(place.home, { recursive: true });
    });
  });
});
