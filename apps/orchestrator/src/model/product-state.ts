import type { ConnectionState, StatusReport } from '@cortex-mqtt/contracts';
import type { MqttConfigEntity } from './mqtt-config.entity';
import { type Heard, isLive, isUp } from './liveness';

export const NO_LISTENER_REASON = 'No listener is running for this product.';

/** One instance as the orchestrator sees it now. */
export interface SeenInstance extends Heard {
  report: StatusReport;
}

export interface ProductState {
  state: ConnectionState;
  connected: boolean;
  /** Why it is not well, in words; null when it is. */
  reason: string | null;
  applied_revision: number | null;
}

/** The revision that is wanted, as its product's configuration has it. */
export type Desired = Pick<MqttConfigEntity, 'revision' | 'revision_key'>;

/**
 * The revision that an instance runs. null also where it has the wanted number and another key: then it runs the
 * revision of another history of this database, as after a restored dump. Older listeners report no key.
 */
export function appliedOf(report: StatusReport, desired: Desired): number | null {
  const { applied_revision, applied_revision_key } = report;
  const isOther =
    applied_revision === desired.revision &&
    applied_revision_key !== undefined &&
    (applied_revision_key ?? '') !== desired.revision_key;
  return isOther ? null : applied_revision;
}

/** The sum over a product's instances: the worst of the live ones speaks, and a silent one is never "connected". */
export function sumInstances(
  instances: SeenInstance[],
  now: Date,
  stale_after_ms: number,
  desired: Desired,
): ProductState {
  const live = instances.filter((instance) => isLive(instance, now, stale_after_ms));
  const silent = instances.filter((instance) => instance.stopped_at === null && !live.includes(instance));
  if (live.length === 0) {
    if (silent.length === 0) {
      return {
        state: 'no_listener',
        connected: false,
        reason: NO_LISTENER_REASON,
        applied_revision: null,
      };
    }
    const last = new Date(Math.max(...silent.map((instance) => instance.last_heartbeat_at.getTime())));
    return {
      state: 'stale',
      connected: false,
      reason: `No heartbeat since ${last.toISOString()}: the listener has crashed, hangs, cannot reach the orchestrator, or its token is not valid here any more.`,
      applied_revision: null,
    };
  }
  const reports = live.map((instance) => instance.report);
  const applied = reports.map((report) => appliedOf(report, desired) ?? 0);
  const working = reports.filter((report) => report.state !== 'standby');
  const connected = working.filter(isUp);
  const troubled =
    working.find((report) => report.state === 'disconnected') ??
    working.find((report) => report.state === 'degraded') ??
    working.find((report) => report.state !== 'connected');
  return {
    state: stateOf(working, connected.length),
    connected: connected.length > 0,
    reason: troubled?.reason ?? null,
    applied_revision: Math.min(...applied) || null,
  };
}

function stateOf(working: StatusReport[], connected: number): ConnectionState {
  if (connected === 0) return working.some((report) => report.state === 'disconnected') ? 'disconnected' : 'connecting';
  const well = working.every((report) => report.state === 'connected');
  return well ? 'connected' : 'degraded';
}
