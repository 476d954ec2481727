import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExactValue } from './exact-value';
import { ExpressionError, PayloadDecodeError, SandboxUnavailableError } from './expression-error';
import { type ExpressionLimits, sandboxBounds } from './limits';
import { boundsArgument, type SandboxJob, type SandboxReply, type SandboxVetting } from './sandbox-protocol';

/** Evaluations in processes of their own, which can be killed and whose memory isn't ours. */
export interface SandboxPool {
  /** Rejects with ExpressionError, PayloadDecodeError or SandboxUnavailableError. */
  evaluate(work: SandboxWork): Promise<ExactValue | undefined>;
  /** Ends the processes; what still runs is rejected. */
  stop(): Promise<void>;
}

export type SandboxWork = Omit<SandboxJob, 'id'> | Omit<SandboxVetting, 'id'>;

/** Work of one source must not hold all processes. */
const sourceOf = (work: SandboxWork): string => ('source' in work ? work.source : '');

interface Task {
  work: SandboxWork;
  retried: boolean;
  resolve: (value: ExactValue | undefined) => void;
  reject: (error: Error) => void;
}

interface Sandbox {
  child: ChildProcess;
  ready: boolean;
  task: Task | null;
  jobId: number;
  killed: boolean;
  /** Milliseconds it had computed when it last replied. */
  cpu_ms: number;
  deadline: NodeJS.Timeout | null;
}

/** Evaluations end by themselves at their limit; one that is inside a single long operation then is killed this much later. */
const GRACE_MS = 500;
/** However little a process has computed meanwhile, it isn't waited for longer. */
const PATIENCE_MS = 30_000;
/** Starting takes some 60 ms; on a machine that is out of breath a good deal more. */
const START_MS = 15_000;

/**
 * At most `limits.sandboxes` processes, started when first needed. One expression may hold all of them but one, so that
 * an expression that always runs into its limit can't keep the others waiting.
 */
export function createSandboxPool(limits: ExpressionLimits): SandboxPool {
  const sandboxes = new Set<Sandbox>();
  const waiting: Task[] = [];
  let stopped = false;
  let nextId = 1;

  function schedule(): void {
    for (let index = 0; index < waiting.length; ) {
      const task = waiting[index];
      if (task === undefined) return;
      const holding = [...sandboxes].filter(
        (sandbox) => sandbox.task !== null && sourceOf(sandbox.task.work) === sourceOf(task.work),
      ).length;
      if (holding >= Math.max(1, limits.sandboxes - 1)) {
        index += 1;
        continue;
      }
      const free = [...sandboxes].find((sandbox) => sandbox.ready && sandbox.task === null && !sandbox.killed);
      if (!free) {
        const starting = [...sandboxes].some((sandbox) => !sandbox.ready && !sandbox.killed);
        if (!starting && sandboxes.size < limits.sandboxes) start();
        return;
      }
      waiting.splice(index, 1);
      run(free, task);
    }
  }

  function start(): void {
    let child: ChildProcess;
    try {
      child = forkSandbox(limits);
    } catch (error) {
      rejectWaiting(error);
      return;
    }
    const sandbox: Sandbox = { child, ready: false, task: null, jobId: 0, killed: false, cpu_ms: 0, deadline: null };
    sandboxes.add(sandbox);
    sandbox.deadline = setTimeout(() => kill(sandbox), START_MS);
    child.on('message', (reply: SandboxReply) => receive(sandbox, reply));
    child.on('error', (error) => {
      if (!sandbox.ready) rejectWaiting(error);
      ended(sandbox);
    });
    child.on('exit', () => ended(sandbox));
  }

  function rejectWaiting(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    for (const task of waiting.splice(0)) {
      task.reject(new SandboxUnavailableError(`no process for expressions can be started: ${reason}`));
    }
  }

  function run(sandbox: Sandbox, task: Task): void {
    sandbox.task = task;
    sandbox.jobId = nextId;
    nextId += 1;
    hold(sandbox);
    const limit_ms = limits.time_ms + GRACE_MS;
    const give_up_at = Date.now() + PATIENCE_MS;
    const watch = () => {
      // On a machine that is out of breath it may not have had its time yet.
      const used_ms = computed_ms(sandbox.child.pid) - sandbox.cpu_ms;
      if (used_ms >= limits.time_ms || Date.now() >= give_up_at) kill(sandbox);
      else sandbox.deadline = setTimeout(watch, limit_ms - Math.max(0, used_ms));
    };
    sandbox.deadline = setTimeout(watch, limit_ms);
    const job = { id: sandbox.jobId, ...task.work };
    // A failed send ends in `error` or `exit` of the child.
    sandbox.child.send(job, (error) => {
      if (error) kill(sandbox);
    });
  }

  function receive(sandbox: Sandbox, reply: SandboxReply): void {
    sandbox.cpu_ms = reply.cpu_ms;
    if (reply.kind === 'ready') {
      sandbox.ready = true;
      clear(sandbox);
      release(sandbox);
      schedule();
      return;
    }
    const { task } = sandbox;
    if (task === null || reply.id !== sandbox.jobId || sandbox.killed) return;
    sandbox.task = null;
    clear(sandbox);
    release(sandbox);
    if (reply.kind === 'result') task.resolve(exactOf(reply));
    else task.reject(errorOf(reply));
    schedule();
  }

  function kill(sandbox: Sandbox): void {
    sandbox.killed = true;
    sandbox.child.kill('SIGKILL');
  }

  function ended(sandbox: Sandbox): void {
    if (!sandboxes.delete(sandbox)) return;
    clear(sandbox);
    const { task } = sandbox;
    if (task) {
      if (stopped) task.reject(new SandboxUnavailableError('stopping'));
      else if (sandbox.killed)
        task.reject(new ExpressionError('EXPRESSION_TIME_LIMIT', 'the expression takes too long'));
      else if (task.retried) {
        task.reject(
          new ExpressionError('EXPRESSION_MEMORY_LIMIT', `the expression needs more than ${limits.memory_mb} MiB`),
        );
      } else {
        // It may have been ended by someone else; what ends it twice is the expression.
        waiting.unshift({ ...task, retried: true });
      }
    } else if (!sandbox.ready) {
      rejectWaiting(new Error('it ended while it started'));
    }
    if (!stopped) schedule();
  }

  return {
    evaluate: (work) => {
      if (stopped) return Promise.reject(new SandboxUnavailableError('stopping'));
      return new Promise((resolve, reject) => {
        waiting.push({ work, retried: false, resolve, reject });
        schedule();
      });
    },
    stop: async () => {
      stopped = true;
      for (const task of waiting.splice(0)) task.reject(new SandboxUnavailableError('stopping'));
      await Promise.all(
        [...sandboxes].map(
          (sandbox) =>
            new Promise<void>((resolve) => {
              sandbox.child.ref();
              sandbox.child.once('exit', () => resolve());
              sandbox.child.once('error', () => resolve());
              kill(sandbox);
            }),
        ),
      );
    },
  };
}

/** Milliseconds a process has computed, to 10 ms; infinite where the system doesn't tell (proc(5), /proc/pid/stat). */
function computed_ms(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function clear(sandbox: Sandbox): void {
  if (sandbox.deadline) clearTimeout(sandbox.deadline);
  sandbox.deadline = null;
}

/** An idle sandbox must not keep the process alive; one at work must. */
function release(sandbox: Sandbox): void {
  sandbox.child.unref();
  sandbox.child.channel?.unref();
}

function hold(sandbox: Sandbox): void {
  sandbox.child.ref();
  sandbox.child.channel?.ref();
}

function exactOf({ json, exact, rounding }: Extract<SandboxReply, { kind: 'result' }>): ExactValue | undefined {
  return json === null ? undefined : new ExactValue(JSON.parse(json), exact, rounding);
}

function errorOf(reply: Extract<SandboxReply, { kind: 'failure' }>): Error {
  if (reply.error === 'decode') {
    return new PayloadDecodeError(reply.code as PayloadDecodeError['code'], reply.message, reply.position);
  }
  return new ExpressionError(reply.code, reply.message, reply.position);
}

function forkSandbox(limits: ExpressionLimits): ChildProcess {
  const built = join(__dirname, 'sandbox-process.js');
  // Tests run from sources; the process runs what was built beside them.
  const entry = existsSync(built) ? built : join(__dirname, '..', 'dist', 'sandbox-process.js');
  return fork(entry, [boundsArgument(sandboxBounds(limits))], {
    // Nothing of ours, secrets least of all, is there to be found.
    env: {},
    execArgv: [`--max-old-space-size=${limits.memory_mb}`, '--max-semi-space-size=8', '--stack-size=900'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
