import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Names one run of one process. A bare pid is not enough after a crash: the kernel hands pids out again, and killing
 * a stranger is worse than leaving an orphan.
 */
export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal only for the same run of the same pid on the same boot. */
  started: string;
}

/** The identity of a running process; null when there is none with this pid (or it is a zombie). */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const started = process.platform === 'linux' ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return started === null ? null : { pid, started };
}

/** Whether the process that was recorded (and not another one that got its pid) still runs. */
export function isStillRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.started === identity.started;
}

export interface StopProcessOptions {
  signal: NodeJS.Signals;
  /** How long it may take before SIGKILL. */
  timeout_ms: number;
}

/** Signals exactly the recorded process, waits until it is gone, and kills it when it takes too long. */
export async function stopProcess(identity: ProcessIdentity, options: StopProcessOptions): Promise<void> {
  sendSignal(identity, options.signal);
  const deadline = Date.now() + options.timeout_ms;
  while (isStillRunning(identity)) {
    if (Date.now() > deadline) {
      sendSignal(identity, 'SIGKILL');
    }
    await delay(20);
  }
}

function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isStillRunning(identity)) {
    return;
  }
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // It ended between the look and the signal: what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

function startTimeFromProc(pid: number): string | null {
  const fields = readProcStat(pid);
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') {
    return null;
  }
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}:${fields[19] ?? ''}`;
}

/** Fields of /proc/PID/stat from the state on (proc(5) counts it as the third); null when there is no such process. */
function readProcStat(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name before it is in parentheses and may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') {
      return null;
    }
    throw error;
  }
}

function startTimeFromPs(pid: number): string | null {
  try {
    const answer = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return answer === '' || answer.startsWith('Z') ? null : answer.slice(answer.indexOf(' ') + 1).trim();
  } catch (error) {
    // ps exits with 1 when there is no such process; anything else is a fault.
    if ((error as { status?: number }).status === 1) {
      return null;
    }
    throw error;
  }
}

/**
 * Like {@link stopProcess} for a process that was started as the leader of its own group (`detached`), together with all that it
 * started: children that a killed leader left behind are found by their group. The kernel gives a group's number to nobody
 * else while it has a member, so a leader that is somebody else means that none of ours is left.
 */
export async function stopProcessGroup(leader: ProcessIdentity, options: StopProcessOptions): Promise<void> {
  const members = groupMembers(leader);
  await stopProcess(leader, options);
  await Promise.all(members.map((member) => stopProcess(member, options)));
}

function groupMembers(leader: ProcessIdentity): ProcessIdentity[] {
  const current = identifyProcess(leader.pid);
  if (current && current.started !== leader.started) {
    return [];
  }
  return listGroup(leader.pid)
    .filter((pid) => pid !== leader.pid)
    .flatMap((pid) => identifyProcess(pid) ?? []);
}

function listGroup(group: number): number[] {
  if (process.platform !== 'linux') {
    const table = execFileSync('ps', ['-axo', 'pid=,pgid='], { encoding: 'utf8' });
    return table
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .flatMap(([pid, pgid]) => (pid !== undefined && pgid === group ? [pid] : []));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(readProcStat(pid)?.[2]) === group);
}
