import type { InstanceState, StatusReport } from '@cortex-mqtt/contracts';
import { type SeenInstance, sumInstances } from './product-state';

const NOW = new Date('2026-01-01T00:01:00.000Z');
const STALE_AFTER_MS = 15_000;

function buildInstance(
  state: InstanceState,
  overrides: { age_ms?: number; applied_revision?: number; reason?: string; stopped?: boolean } = {},
): SeenInstance {
  const last_heartbeat_at = new Date(NOW.getTime() - (overrides.age_ms ?? 1_000));
  return {
    report: {
      state,
      reason: overrides.reason ?? null,
      applied_revision: overrides.applied_revision ?? 1,
    } as StatusReport,
    last_heartbeat_at,
    stopped_at: overrides.stopped ? last_heartbeat_at : null,
  };
}

const DESIRED = { revision: 9, revision_key: 'here' };
const sum = (...instances: SeenInstance[]) => sumInstances(instances, NOW, STALE_AFTER_MS, DESIRED);

describe('sumInstances', () => {
  it('says that no listener runs when there is none, or only stopped ones', () => {
    expect(sum()).toMatchObject({ state: 'no_listener', connected: false });
    expect(sum(buildInstance('stopped', { stopped: true }))).toMatchObject({ state: 'no_listener', connected: false });
  });

  it('never shows a silent listener as connected', () => {
    expect(sum(buildInstance('connected', { age_ms: 15_000 }))).toMatchObject({ state: 'stale', connected: false });
  });

  it('is connected when all live ones are, a standby not counted', () => {
    expect(sum(buildInstance('connected'), buildInstance('standby'))).toMatchObject({
      state: 'connected',
      connected: true,
    });
  });

  it('lets the worst speak', () => {
    expect(sum(buildInstance('connected'), buildInstance('disconnected', { reason: 'refused' }))).toMatchObject({
      state: 'degraded',
      connected: true,
      reason: 'refused',
    });
    expect(sum(buildInstance('disconnected', { reason: 'refused' }))).toMatchObject({
      state: 'disconnected',
      connected: false,
      reason: 'refused',
    });
    expect(sum(buildInstance('connecting'))).toMatchObject({ state: 'connecting', connected: false });
  });

  it('has not applied a revision of the same number from another history', () => {
    const running = (applied_revision_key?: string | null) => {
      const instance = buildInstance('connected', { applied_revision: 9 });
      Object.assign(instance.report, applied_revision_key === undefined ? {} : { applied_revision_key });
      return sum(instance).applied_revision;
    };
    expect([running('here'), running('elsewhere'), running(null)]).toEqual([9, null, null]);
    // An older listener reports none.
    expect(running()).toBe(9);
  });

  it('has applied what the slowest has applied', () => {
    const instances = [
      buildInstance('connected', { applied_revision: 9 }),
      buildInstance('connected', { applied_revision: 7 }),
    ];
    expect(sum(...instances).applied_revision).toBe(7);
  });
});
