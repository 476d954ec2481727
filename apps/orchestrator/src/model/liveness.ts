import type { InstanceState } from '@cortex-mqtt/contracts';

/** When an instance was last heard, and whether it has said goodbye. */
export interface Heard {
  last_heartbeat_at: Date;
  stopped_at: Date | null;
}

/** An instance is live while its heartbeat is younger than `stale_after_ms` and it has not said goodbye; else it is stale. */
export function isLive(instance: Heard, now: Date, stale_after_ms: number): boolean {
  return instance.stopped_at === null && now.getTime() - instance.last_heartbeat_at.getTime() < stale_after_ms;
}

/** A connection is up while messages can come over it: also when the broker has refused a part of the subscriptions. */
export function isUp({ state }: { state: InstanceState }): boolean {
  return state === 'connected' || state === 'degraded';
}
