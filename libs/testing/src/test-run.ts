import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the environment of the jest process and its workers: the folder of this run. */
export const RUN_DIR_VARIABLE = 'CORTEX_MQTT_TEST_RUN_DIR';

/**
 * Ends what a run leaves behind. A shell process of its own, so that it works however the run ends: also when jest, or
 * a worker with a broker in its hands, gets kill -9. It looks at each process's environment before it signals it, since
 * a pid may have gone to a stranger.
 */
const CARETAKER = `
  owner=$1; dir=$2
  while kill -0 "$owner" 2>/dev/null && [ -d "$dir" ]; do sleep 0.5; done
  ours() { [ ! -d /proc/self ] || tr '\\0' '\\n' <"/proc/$1/environ" 2>/dev/null | grep -qxF "${RUN_DIR_VARIABLE}=$dir"; }
  signal() { for file in "$dir"/pids/*; do pid=\${file##*/}; [ -e "$file" ] && ours "$pid" && kill "-$1" "$pid" 2>/dev/null; done; }
  signal INT
  tries=0
  while [ $tries -lt 50 ]; do
    left=0
    for file in "$dir"/pids/*; do pid=\${file##*/}; [ -e "$file" ] && ours "$pid" && kill -0 "$pid" 2>/dev/null && left=1; done
    [ $left = 0 ] && break
    sleep 0.1; tries=$((tries + 1))
  done
  signal KILL
  rm -rf "$dir"
`;

/** Makes the folder of a run and sets the caretaker on it. Nothing else starts before a test asks for it. */
export function beginTestRun(): string {
  const dir = mkdtempSync(join(tmpdir(), 'cortex-mqtt-test-'));
  // Servers that run as another user keep their data in here.
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'pids'));
  process.env[RUN_DIR_VARIABLE] = dir;
  spawn('/bin/sh', ['-c', CARETAKER, 'caretaker', String(process.pid), dir], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
  }).unref();
  return dir;
}

/** The folder of this run, which goes away with everything in it. Made on the spot when no global setup ran. */
export function testRunDir(): string {
  return process.env[RUN_DIR_VARIABLE] ?? beginTestRun();
}

/** A new folder below the run's; the label is only for the reader of a listing. */
export function createTestDirectory(label: string): string {
  const dir = mkdtempSync(join(testRunDir(), `${label}-`));
  chmodSync(dir, 0o755);
  return dir;
}

/** Has the caretaker end this process should it outlive the run. It must have been given our environment. */
export function registerTestProcess(pid: number): void {
  writeFileSync(pidFile(pid), '');
}

export function forgetTestProcess(pid: number): void {
  rmSync(pidFile(pid), { force: true });
}

function pidFile(pid: number): string {
  return join(testRunDir(), 'pids', String(pid));
}
