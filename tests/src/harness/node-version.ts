import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cortex-mqtt-node');

/** Program of a Node.js of this major version, from npm's package for this platform; the first call downloads it. */
export async function nodeOfMajor(major: number): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(CACHE, String(major));
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) {
    const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['install', ...options, `${name}@${major}`], { timeout: 240_000 });
  }
  const { stdout } = await run(program, ['--version']);
  if (!stdout.startsWith(`v${major}.`)) throw new Error(`${program} is ${stdout.trim()}, not Node.js ${major}`);
  return program;
}
