import type { ContainerState } from '../../../model/listener-container.entity';
import type { ListedContainer } from './docker-engine';

/** How a container ended last, as the engine said when it happened. */
export interface LastExit {
  at: string;
  exit_code: number;
  out_of_memory: boolean;
  last_lines: string[];
}

/** The words of the engine's list, and the last end that was seen, as one state with its reason. */
export function containerState(
  { State, Status }: Pick<ListedContainer, 'State' | 'Status'>,
  last: LastExit | undefined,
): { state: ContainerState; reason: string | null } {
  const ended = last === undefined ? null : describeExit(last);
  switch (State) {
    case 'running':
      if (Status.includes('(unhealthy)')) return { state: 'unhealthy', reason: 'its health check fails' };
      if (Status.includes('(health: starting)'))
        return { state: 'starting', reason: ended && `started again: ${ended}` };
      return { state: 'running', reason: ended && `started again ${last?.at}: ${ended}` };
    case 'created':
      return { state: 'starting', reason: null };
    case 'restarting':
      return { state: last?.out_of_memory ? 'out_of_memory' : 'restarting', reason: ended ?? Status };
    case 'paused':
      return { state: 'failed', reason: 'it is paused on the engine' };
    default:
      return { state: last?.out_of_memory ? 'out_of_memory' : 'exited', reason: ended ?? Status };
  }
}

export function describeExit({ exit_code, out_of_memory }: Pick<LastExit, 'exit_code' | 'out_of_memory'>): string {
  if (out_of_memory) return `out of memory (exit code ${exit_code})`;
  // 128 + the number of the signal.
  const signal = { 137: ', SIGKILL', 143: ', SIGTERM', 139: ', SIGSEGV', 134: ', SIGABRT' }[exit_code] ?? '';
  return `exit code ${exit_code}${signal}`;
}
