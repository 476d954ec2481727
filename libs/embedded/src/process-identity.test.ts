import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identifyProcess, isStillRunning, stopProcess, stopProcessGroup } from './process-identity';

describe('the identity of a process', () => {
  it('is null for a pid that nobody has', () => {
    expect(identifyProcess(2 ** 22 + 1)).toBeNull();
  });

  it('is not that of another run with the same pid', () => {
    const self = identifyProcess(process.pid);
    expect(self && isStillRunning(self)).toBe(true);
    expect(isStillRunning({ pid: process.pid, started: 'another time' })).toBe(false);
  });

  it('protects a stranger from being stopped', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    await stopProcess({ pid: child.pid!, started: 'another time' }, { signal: 'SIGKILL', timeout_ms: 1 });
    await stopProcessGroup({ pid: child.pid!, started: 'another time' }, { signal: 'SIGKILL', timeout_ms: 1 });
    expect(child.kill(0)).toBe(true);
    child.kill('SIGKILL');
  });
});

describe('stopping a group', () => {
  async function startGroup() {
    // The leader has a child that ignores SIGTERM, and prints its pid.
    const leader = spawn('/bin/sh', ['-c', '(trap "" TERM; while :; do sleep 0.05; done) & echo $!; wait'], {
      detached: true,
    });
    const [line] = (await once(leader.stdout, 'data')) as [Buffer];
    return { leader: identifyProcess(leader.pid!)!, child: identifyProcess(Number(line.toString()))! };
  }

  it('ends the leader and, by force if need be, its children', async () => {
    const { leader, child } = await startGroup();
    await stopProcessGroup(leader, { signal: 'SIGTERM', timeout_ms: 100 });
    expect([isStillRunning(leader), isStillRunning(child)]).toEqual([false, false]);
  });

  it('finds children that a killed leader left behind', async () => {
    const { leader, child } = await startGroup();
    await stopProcess(leader, { signal: 'SIGKILL', timeout_ms: 1_000 });
    expect(isStillRunning(child)).toBe(true);
    await stopProcessGroup(leader, { signal: 'SIGTERM', timeout_ms: 100 });
    expect(isStillRunning(child)).toBe(false);
  });
});
