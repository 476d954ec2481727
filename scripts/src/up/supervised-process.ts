import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { identifyProcess, type ProcessIdentity, stopProcessGroup } from '@cortex-mqtt/embedded';

export interface SupervisedProcessOptions {
  name: string;
  /** Path of a JavaScript file. */
  entry: string;
  args?: string[];
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Called at every start with the new process, before anything else can happen. */
  onStarted(process: ProcessIdentity): void;
  /** Called when it ended without having been told to. It is started again afterwards, unless it ends too often. */
  onCrash(text: string): void;
  /** It ended too often: the whole must stop. */
  onGivenUp(text: string): void;
}

export interface SupervisedProcess {
  /** How it ended before it was ever of use, with the end of its log; null while it hasn't. */
  failure(): { code: number | null; text: string } | null;
  /** From now on an end is a crash, to be restarted, and not a failed start. */
  markReady(): void;
  stop(): Promise<void>;
}

const LOG_LIMIT_BYTES = 20_000_000;
const STOP_TIMEOUT_MS = 30_000;
const RESTARTS_ALLOWED = 5;
const RESTART_WINDOW_MS = 120_000;

/**
 * Starts a Node process in a group of its own, so that Ctrl-C in the terminal does not reach it before its turn. Its output
 * goes straight into a file: it never depends on this process being there to read it.
 */
export function startSupervisedProcess(options: SupervisedProcessOptions): SupervisedProcess {
  let child: ChildProcess;
  let identity: ProcessIdentity | null = null;
  let ready = false;
  let stopping = false;
  let failure: { code: number | null; text: string } | null = null;
  let crashes: number[] = [];
  let restart: NodeJS.Timeout | undefined;
  let logStart = 0;

  function start(): void {
    rotate(options.logFile);
    const log = openSync(options.logFile, 'a', 0o600);
    logStart = statSync(options.logFile).size;
    child = spawn(process.execPath, ['--enable-source-maps', options.entry, ...(options.args ?? [])], {
      env: options.env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.once('error', (error) => ended(null, error.message));
    child.once('exit', (code, signal) => ended(code, signal ? `was ended by ${signal}` : `ended with code ${code}`));
    identity = child.pid === undefined ? null : identifyProcess(child.pid);
    if (identity) {
      options.onStarted(identity);
    }
  }

  function ended(code: number | null, how: string): void {
    if (stopping) {
      return;
    }
    if (!ready) {
      failure ??= {
        code,
        text: `${options.name} ${how}; its log (${options.logFile}) ends:\n${tail(options.logFile, logStart)}`,
      };
      return;
    }
    const now = Date.now();
    crashes = [...crashes.filter((time) => now - time < RESTART_WINDOW_MS), now];
    if (crashes.length > RESTARTS_ALLOWED) {
      options.onGivenUp(
        `${options.name} ${how}, for the ${crashes.length}th time in two minutes; see ${options.logFile}`,
      );
      return;
    }
    const pause_ms = 500 * 2 ** (crashes.length - 1);
    options.onCrash(`${options.name} ${how}; starting it again in ${pause_ms / 1000} s. Its log: ${options.logFile}`);
    restart = setTimeout(start, pause_ms);
  }

  start();
  return {
    failure: () => failure,
    markReady: () => {
      ready = true;
    },
    stop: async () => {
      stopping = true;
      clearTimeout(restart);
      if (identity) {
        await stopProcessGroup(identity, { signal: 'SIGTERM', timeout_ms: STOP_TIMEOUT_MS });
      }
    },
  };
}

function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > LOG_LIMIT_BYTES) {
    renameSync(file, `${file}.1`);
  }
}

function tail(file: string, from: number): string {
  return readFileSync(file).subarray(from).toString('utf8').trimEnd().split('\n').slice(-20).join('\n');
}
