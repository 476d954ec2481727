import type { ContainerState } from '../../../model/listener-container.entity';

interface ContainerStatus {
  ready: boolean;
  started?: boolean;
  restartCount: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: object;
    terminated?: Terminated;
  };
  lastState?: { terminated?: Terminated };
}
interface Terminated {
  exitCode: number;
  reason?: string;
  finishedAt?: string;
}
/** What is read of a pod. */
export interface Pod {
  metadata: { name: string; labels?: Record<string, string>; deletionTimestamp?: string };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

const PULL_FAILURES = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull']);

/** A pod's listener in the words that containers have everywhere, with how it ended last. */
export function podState({ status }: Pod): {
  state: ContainerState;
  reason: string | null;
  exit_code: number | null;
  restarts: number;
} {
  const container = status?.containerStatuses?.[0];
  const last = container?.lastState?.terminated ?? container?.state?.terminated;
  const about = { exit_code: last?.exitCode ?? null, restarts: container?.restartCount ?? 0 };
  const ended = last === undefined ? null : describeEnd(last);
  const is_out_of_memory = last?.reason === 'OOMKilled';
  if (container === undefined) {
    const unscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
    if (unscheduled)
      return { ...about, state: 'failed', reason: `not scheduled: ${unscheduled.message ?? unscheduled.reason}` };
    return { ...about, state: 'starting', reason: null };
  }
  const { waiting, running, terminated } = container.state ?? {};
  if (waiting) {
    const { reason = '', message = reason } = waiting;
    if (PULL_FAILURES.has(reason))
      return { ...about, state: 'failed', reason: `the image cannot be pulled: ${message}` };
    if (reason === 'CrashLoopBackOff')
      return { ...about, state: is_out_of_memory ? 'out_of_memory' : 'restarting', reason: ended ?? message };
    if (reason === 'ContainerCreating') return { ...about, state: 'pulling', reason: null };
    return { ...about, state: 'failed', reason: message };
  }
  if (terminated) return { ...about, state: is_out_of_memory ? 'out_of_memory' : 'exited', reason: ended };
  if (running && container.ready)
    return { ...about, state: 'running', reason: ended && `started again ${last?.finishedAt ?? ''}: ${ended}` };
  if (running && container.started) return { ...about, state: 'unhealthy', reason: 'its readiness probe fails' };
  return { ...about, state: 'starting', reason: ended && `started again: ${ended}` };
}

const describeEnd = ({ reason, exitCode }: Terminated): string =>
  reason === 'OOMKilled'
    ? `out of memory (exit code ${exitCode})`
    : `exit code ${exitCode}${reason ? `, ${reason}` : ''}`;
