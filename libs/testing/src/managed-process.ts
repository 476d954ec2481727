import { type ChildProcess, spawn } from 'node:child_process';
import { forgetTestProcess, registerTestProcess, testRunDir } from './test-run';
import { waitFor } from './wait-for';

export interface SpawnProcessOptions {
  command: string;
  args?: string[];
  cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Written to its standard input, which is then closed. */
  input?: string;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnedProcess {
  pid: number;
  exited: Promise<ProcessExit>;
  running(): boolean;
  /** Standard output and error in the order of arrival. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** Waits until the output matches. @throws at the timeout or when the process ends before. */
  waitForOutput(pattern: RegExp, options?: { timeout_ms?: number }): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Signals (SIGTERM) and waits for the end; SIGKILL after the time limit (10 s). Does nothing when it has ended. */
  stop(options?: { signal?: NodeJS.Signals; timeout_ms?: number }): Promise<ProcessExit>;
  /** kill -9, and waits for the end. */
  kill(): Promise<ProcessExit>;
}

/** Starts a process whose output is kept, and that never outlives the test run. @throws when it can't be started. */
export async function spawnProcess(options: SpawnProcessOptions): Promise<SpawnedProcess> {
  testRunDir(); // The run's mark must be in the environment before the child takes it over.
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  const child: ChildProcess = spawn(options.command, options.args ?? [], { cwd: options.cwd, env, stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) {
    throw new Error(`${options.command} has no pid`);
  }
  registerTestProcess(pid);
  let output = '';
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    stderr += text;
  });
  child.stdin?.on('error', () => undefined); // It ended without reading its input: its exit tells.
  child.stdin?.end(options.input ?? '');
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('close', (code, signal) => {
      forgetTestProcess(pid);
      resolve({ code, signal });
    });
  });
  const running = () => child.exitCode === null && child.signalCode === null;

  async function stop({ signal = 'SIGTERM' as NodeJS.Signals, timeout_ms = 10_000 } = {}): Promise<ProcessExit> {
    if (running()) {
      child.kill(signal);
      const killer = setTimeout(() => child.kill('SIGKILL'), timeout_ms);
      await exited;
      clearTimeout(killer);
    }
    return exited;
  }

  return {
    pid,
    exited,
    running,
    output: () => output,
    stdout: () => stdout,
    stderr: () => stderr,
    stop,
    kill: () => stop({ signal: 'SIGKILL' }),
    signal: (signal) => {
      child.kill(signal);
    },
    waitForOutput: (pattern, { timeout_ms = 15_000 } = {}) =>
      waitFor(
        () => {
          const match = pattern.exec(output);
          if (!match && !running()) {
            return new Error(`${options.command} ended before its output matched ${pattern}:\n${output}`);
          }
          return match;
        },
        { timeout_ms, message: () => `output of ${options.command} to match ${pattern}; it is:\n${output}` },
      ).then((result) => {
        if (result instanceof Error) {
          throw result;
        }
        return result;
      }),
  };
}
