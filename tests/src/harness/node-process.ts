import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessExit, type SpawnedProcess, spawnProcess } from '@cortex-mqtt/testing';

const ROOT = join(__dirname, '..', '..', '..');

export type App = 'orchestrator' | 'listener';
export type Environment = Record<string, string | undefined>;

/** What a person who runs the tests may have set for servers of theirs. */
const NOT_PASSED_ON = [
  ...['DATABASE_URL', 'QUEUE_URL', 'DATA_DIR', 'PORT', 'HOST', 'ADMIN_EMAIL', 'ADMIN_PASSWORD', 'EGRESS_ALLOW'],
  ...['MQTT_HOST', 'ORCHESTRATOR_URL', 'LISTENER_TOKEN', 'INSTANCE_ID', 'NODE_OPTIONS', 'LOG_FILE', 'LOG_LEVEL'],
];
const WITHOUT_SETTINGS: Environment = Object.fromEntries(NOT_PASSED_ON.map((name) => [name, undefined]));

/** Path of an app's compiled entry. @throws when it hasn't been built. */
export function entryOf(app: App): string {
  const entry = join(ROOT, 'apps', app, 'dist', 'main.js');
  if (!existsSync(entry)) throw new Error(`${entry} is not there: the end-to-end tests run what "npx tsc -b" builds`);
  return entry;
}

/** Starts an app as a person does: `node apps/<app>/dist/main.js …`, with this Node.js or the one at `node`. */
export function spawnApp(
  app: App,
  options: { args?: string[]; env: Environment; node?: string },
): Promise<SpawnedProcess> {
  return spawnProcess({
    command: options.node ?? process.execPath,
    args: ['--enable-source-maps', entryOf(app), ...(options.args ?? [])],
    env: { ...WITHOUT_SETTINGS, NODE_ENV: 'production', LOG_FORMAT: 'json', ...options.env },
  });
}

/** Runs one command of an app to its end. */
export async function runApp(
  app: App,
  options: { args: string[]; env?: Environment },
): Promise<ProcessExit & { stdout: string; stderr: string }> {
  const running = await spawnApp(app, { args: options.args, env: options.env ?? {} });
  const exit = await running.exited;
  return { ...exit, stdout: running.stdout(), stderr: running.stderr() };
}

/** A process that is started, killed and started again, with the same environment. */
export interface Restartable {
  start(env?: Environment): Promise<SpawnedProcess>;
  current(): SpawnedProcess;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<ProcessExit>;
  /** kill -9, and waits for the end. */
  kill(): Promise<ProcessExit>;
  /** Of all its lives. */
  output(): string;
}

const STOP_TIMEOUT_MS = 40_000;

export function createRestartable(app: App, env: Environment, node?: string): Restartable {
  let running: SpawnedProcess | null = null;
  let earlier = '';
  const end = async (signal: NodeJS.Signals): Promise<ProcessExit> => {
    if (running === null) return { code: null, signal: null };
    const ending = running;
    const exit = await ending.stop({ signal, timeout_ms: STOP_TIMEOUT_MS });
    earlier += ending.output();
    running = null;
    return exit;
  };
  return {
    async start(more = {}) {
      if (running?.running()) throw new Error(`the ${app} is running`);
      if (running) await end('SIGTERM');
      running = await spawnApp(app, { env: { ...env, ...more }, node });
      return running;
    },
    current() {
      if (running === null) throw new Error(`the ${app} is not running`);
      return running;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    output: () => earlier + (running?.output() ?? ''),
  };
}
