import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort, isPortFree } from './free-port';
import { choosePostgresUser, locatePostgresBinaries, type PostgresUser } from './postgres-binaries';
import { locateCluster } from './postgres-location';
import { identifyProcess, isStillRunning, type ProcessIdentity, stopProcess } from './process-identity';

export interface EmbeddedPostgresOptions {
  /** Folder of this server: settings (mode 0600), log, and the cluster unless the server's user can't get there. */
  dataDir: string;
  /** Default: the port of last time when it is free, else any free one. */
  port?: number;
  /** Database to make sure of; default `cortex_mqtt`. */
  database?: string;
  /** Server settings, name → value (`fsync: 'off'`). */
  settings?: Record<string, string>;
  /** For data that nobody misses after a power cut, as in tests: nothing is forced to the disk. */
  disposable?: boolean;
}

export interface EmbeddedPostgres {
  /** postgres:// URL of the database, with the generated password. */
  url: string;
  port: number;
  process: ProcessIdentity;
  /** True when a server that an earlier, killed process left behind was taken over. */
  adopted: boolean;
  logFile: string;
  /** Fast shutdown (open transactions are rolled back, nothing committed is lost). Calling it again does nothing. */
  stop(): Promise<void>;
}

interface ServerFile {
  port: number;
  password: string;
}

const SUPERUSER = 'cortex';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const LOCKED_PAUSE_MS = 500;
const DISPOSABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const LOG_LIMIT_BYTES = 10_000_000;

/**
 * Starts a Postgres server of one's own from npm's binaries, on the loopback address, on the data of last time if there
 * is any. Runs as another user when we are root. The server is in a session of its own: Ctrl-C in the terminal does not
 * reach it, {@link EmbeddedPostgres.stop} ends it.
 *
 * @throws when no binaries, no user or no port can be had, or the server ends during start (with the end of its log).
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const user = await choosePostgresUser();
  const binaries = locatePostgresBinaries(user);
  const cluster = locateCluster(dataDir, user);
  const serverFile = join(dataDir, 'server.json');
  const logFile = join(dataDir, 'postgres.log');
  const database = options.database ?? 'cortex_mqtt';
  const settings = { ...(options.disposable ? DISPOSABLE : {}), ...options.settings };
  const known = readServerFile(serverFile);

  if (known) {
    const orphan = findOrphan(cluster);
    if (orphan) {
      const wanted = options.port ?? orphan.port;
      if (orphan.port === wanted && (await answers(connectionUrl(known.password, orphan.port, 'postgres')))) {
        return handle({ process: orphan.process, adopted: true, port: orphan.port, password: known.password });
      }
      await stopProcess(orphan.process, { signal: 'SIGINT', timeout_ms: STOP_TIMEOUT_MS });
    }
  }

  const password = known?.password ?? randomBytes(24).toString('base64url');
  if (!known || !existsSync(join(cluster, 'PG_VERSION'))) {
    await initialise({ binaries, cluster, password, user, sync: !options.disposable });
  }
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await choosePort(known?.port, attempt));
    // Written before the start, so that a server whose parent is killed right now can be found and stopped.
    writeFileSync(serverFile, JSON.stringify({ port, password } satisfies ServerFile), { mode: 0o600 });
    const started = await launch({ binaries, cluster, port, user, logFile, settings });
    if (started.state === 'ready') {
      return handle({ process: started.process, adopted: false, port, password });
    }
    const portLost = options.port === undefined && /could not bind|Address already in use/.test(started.log);
    // A server that was killed counts as running until its parent has reaped it.
    const isLocked = /lock file "postmaster.pid" already exists/.test(started.log);
    if (!(portLost || isLocked) || attempt === 5) {
      throw new Error(`Postgres did not start (${logFile}):\n${started.log}`);
    }
    if (isLocked) await delay(LOCKED_PAUSE_MS);
  }

  async function handle(server: {
    process: ProcessIdentity;
    adopted: boolean;
    port: number;
    password: string;
  }): Promise<EmbeddedPostgres> {
    const { port, adopted } = server;
    const stop = () => stopProcess(server.process, { signal: 'SIGINT', timeout_ms: STOP_TIMEOUT_MS });
    try {
      await ensureDatabase(connectionUrl(server.password, port, 'postgres'), database);
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      url: connectionUrl(server.password, port, database),
      port,
      process: server.process,
      adopted,
      logFile,
      stop,
    };
  }
}

/** Stops the server of a data folder that a killed process left behind. Does nothing when there is none. */
export async function stopOrphanedPostgres(dataDir: string): Promise<boolean> {
  if (!existsSync(join(dataDir, 'server.json'))) {
    return false;
  }
  const orphan = findOrphan(locateCluster(resolve(dataDir), await choosePostgresUser()));
  if (orphan) {
    await stopProcess(orphan.process, { signal: 'SIGINT', timeout_ms: STOP_TIMEOUT_MS });
  }
  return orphan !== null;
}

function connectionUrl(password: string, port: number, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}

function readServerFile(file: string): ServerFile | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServerFile) : null;
}

async function choosePort(last: number | undefined, attempt: number): Promise<number> {
  return attempt === 1 && last !== undefined && (await isPortFree(last)) ? last : freePort();
}

interface PostmasterFile {
  pid: number;
  port: number;
  ready: boolean;
}

/** What a running server writes into its folder: pid, folder, start time, port, socket folder, address, key, status. */
function readPostmasterFile(cluster: string): PostmasterFile | null {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) {
    return null;
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** A live server on this cluster. The pid in its file may since have gone to somebody else: the file is held against the process. */
function findOrphan(cluster: string): { process: ProcessIdentity; port: number } | null {
  const found = readPostmasterFile(cluster);
  const identity = found ? identifyProcess(found.pid) : null;
  if (!found || !identity) {
    return null;
  }
  if (process.platform === 'linux') {
    const commandLine = readFileSync(`/proc/${found.pid}/cmdline`, 'utf8').split('\0');
    if (!commandLine.includes(cluster)) {
      return null;
    }
  }
  return { process: identity, port: found.port };
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    // Whatever is wrong with it, it is of no use: the caller stops it and starts a fresh one.
    return false;
  } finally {
    await client.end();
  }
}

interface InitialiseOptions {
  binaries: string;
  cluster: string;
  password: string;
  user: PostgresUser;
  sync: boolean;
}

async function initialise({ binaries, cluster, password, user, sync }: InitialiseOptions): Promise<void> {
  // An initdb that was killed half way leaves files that the next one refuses.
  for (const entry of readdirSync(cluster)) {
    rmSync(join(cluster, entry), { recursive: true, force: true });
  }
  // As an argument everybody could read it; a pipe won't do, initdb opens it by name.
  const passwordFile = join(dirname(cluster), '.initdb-password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(passwordFile, user.uid, user.gid);
  }
  const child = spawn(
    join(binaries, 'bin', 'initdb'),
    [
      `--pgdata=${cluster}`,
      `--username=${SUPERUSER}`,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(sync ? [] : ['--no-sync']),
    ],
    { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  }).finally(() => rmSync(passwordFile, { force: true }));
  if (code !== 0) {
    throw new Error(`initdb failed with code ${code}:\n${output}`);
  }
}

interface LaunchOptions {
  binaries: string;
  cluster: string;
  port: number;
  user: PostgresUser;
  logFile: string;
  settings: Record<string, string>;
}

type LaunchResult = { state: 'ready'; process: ProcessIdentity } | { state: 'ended'; log: string };

async function launch(options: LaunchOptions): Promise<LaunchResult> {
  const { cluster, logFile, port } = options;
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) {
    rmSync(logFile);
  }
  const log = openSync(logFile, 'a', 0o600);
  const before = existsSync(logFile) ? statSync(logFile).size : 0;
  const settings = {
    listen_addresses: '127.0.0.1',
    // No socket file: its path has a length limit, and a shared folder would be needed.
    unix_socket_directories: '',
    max_connections: '200',
    ...options.settings,
  };
  const child: ChildProcess = spawn(
    join(options.binaries, 'bin', 'postgres'),
    [
      '-D',
      cluster,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...options.user, cwd: '/', detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  child.unref();
  let failure: Error | null = null;
  child.once('error', (error) => {
    failure = error;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (failure) {
      throw failure;
    }
    if (child.exitCode !== null || child.signalCode !== null) {
      return { state: 'ended', log: readFileSync(logFile, 'utf8').slice(before) };
    }
    const file = readPostmasterFile(cluster);
    const identity = child.pid === undefined ? null : identifyProcess(child.pid);
    if (identity && file?.pid === child.pid && file?.ready) {
      return { state: 'ready', process: identity };
    }
    await delay(10);
  }
  const identity = child.pid === undefined ? null : identifyProcess(child.pid);
  if (identity && isStillRunning(identity)) {
    await stopProcess(identity, { signal: 'SIGINT', timeout_ms: STOP_TIMEOUT_MS });
  }
  return {
    state: 'ended',
    log: `not ready after ${START_TIMEOUT_MS / 1000} s\n${readFileSync(logFile, 'utf8').slice(before)}`,
  };
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    }
  } finally {
    await client.end();
  }
}
