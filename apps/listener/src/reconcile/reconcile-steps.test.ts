import type { ListenerConfigDocument } from '@cortex-mqtt/contracts';
import { type AppliedState, reconcileSteps, sessionPart } from './reconcile-steps';

function buildDocument(overrides: Partial<ListenerConfigDocument> = {}): ListenerConfigDocument {
  return {
    product_id: 1,
    product_slug: 'demo',
    session_key: null,
    enabled: true,
    revision: 1,
    reconnect_generation: 0,
    variables: {},
    brokers: [],
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: null,
    handover_after_ms: 20,
    probe: null,
    subscriptions: [
      {
        id: 1,
        name: 'orders',
        topic: 'orders',
        topic_filter: 'orders',
        wildcard_names: [],
        qos: 1,
        payload_format: 'json',
        filter: null,
        message_key: null,
        concurrency: null,
        ordering: 'none',
        actions: [],
      },
    ],
    secrets: {},
    ...overrides,
  };
}

const kinds = (
  desired: ListenerConfigDocument,
  applied: AppliedState | null,
  turn: Partial<Parameters<typeof reconcileSteps>[2]> = {},
) => reconcileSteps(desired, applied, { may_run: true, instance_id: 'one', ...turn }).map((step) => step.kind);
const running = (document: ListenerConfigDocument) => ({ document, is_session_running: true });

describe('reconcileSteps', () => {
  it('starts from nothing', () => {
    expect(kinds(buildDocument(), null)).toEqual(['swap-plan', 'start-session']);
  });

  it('does nothing for what is applied already', () => {
    expect(kinds(buildDocument(), running(buildDocument()))).toEqual([]);
  });

  it('swaps actions without touching the connection', () => {
    const [subscription] = buildDocument().subscriptions;
    const desired = buildDocument({
      revision: 2,
      subscriptions: [{ ...subscription!, actions: [{ id: 'a1', type: 'log', enabled: true }] }],
    });
    expect(kinds(desired, running(buildDocument()))).toEqual(['swap-plan']);
  });

  it('leaves it to the session which topics differ', () => {
    const desired = buildDocument({ revision: 2, subscriptions: [] });
    expect(kinds(desired, running(buildDocument()))).toEqual(['swap-plan', 'reconcile-session']);
  });

  it('reconnects once for a raised generation', () => {
    const desired = buildDocument({ revision: 2, reconnect_generation: 1 });
    expect(kinds(desired, running(buildDocument()))).toEqual(['swap-plan', 'reconnect']);
    expect(kinds(desired, running(desired))).toEqual([]);
  });

  it('disconnects a disabled product and connects it when it is enabled again', () => {
    const disabled = buildDocument({ revision: 2, enabled: false });
    expect(kinds(disabled, running(buildDocument()))).toEqual(['swap-plan', 'stop-session']);
    expect(kinds(buildDocument({ revision: 3 }), { document: disabled, is_session_running: false })).toEqual([
      'swap-plan',
      'start-session',
    ]);
  });

  it('waits for its turn, and leaves when it is over', () => {
    const standby = { document: buildDocument(), is_session_running: false };
    expect(kinds(buildDocument(), null, { may_run: false })).toEqual(['swap-plan']);
    expect(kinds(buildDocument(), standby)).toEqual(['start-session']);
    expect(kinds(buildDocument(), running(buildDocument()), { may_run: false })).toEqual(['stop-session']);
  });

  it('begins another session when instances share the load from now on, since the client id is another', () => {
    const shared = buildDocument({ revision: 2, shared_group: 'g' });
    expect(kinds(shared, running(buildDocument()))).toEqual(['swap-plan', 'stop-session', 'start-session']);
  });

  it('subscribes to the topic of the probe', () => {
    const probed = buildDocument({ revision: 2, probe: { topic: 'probe', interval_s: 10 } });
    expect(kinds(probed, running(buildDocument()))).toEqual(['swap-plan', 'reconcile-session']);
    expect(sessionPart(probed, 'one').subscriptions.map(({ topic_filter }) => topic_filter)).toEqual([
      'orders',
      'probe/one',
    ]);
  });
});
