import type { ConnectionStatus, InstanceStatus, MqttConfigDocument, TopicFilterState } from '../../../api/types';
import { isListening, listenerChecks } from './listener-checks';

function buildStatus(overrides: Partial<ConnectionStatus> = {}): ConnectionStatus {
  const status: Partial<ConnectionStatus> = {
    instances: [],
    connected: false,
    state: 'no_listener',
    connection_error: null,
    desired_revision: 2,
    ...overrides,
  };
  return status as ConnectionStatus;
}

/** A report names only the filters that are not as they should be. */
function buildInstance(applied_revision = 2, exceptions: Partial<TopicFilterState>[] = []): InstanceStatus {
  const topic_filters = exceptions.map((filter) => ({ topic_filter: '#', subscription_ids: [1], ...filter }));
  return { id: 'shop-1', state: 'connected', applied_revision, report: { topic_filters } } as unknown as InstanceStatus;
}

function buildDocument({ host = 'broker', subscriptions = [{ id: 1, name: 'all', enabled: true, qos: null }] } = {}) {
  return { mqtt_config: { broker: { host }, topics: { qos: 1 } }, subscriptions } as unknown as MqttConfigDocument;
}

describe('whether a product listens', () => {
  const tones = (status: Partial<ConnectionStatus>, document = buildDocument()) =>
    listenerChecks(buildStatus(status), document).map(({ tone }) => tone);

  it('begins with nobody', () => {
    expect(tones({})).toEqual(['busy', 'off', 'off']);
  });

  it('becomes true step by step', () => {
    expect(tones({ instances: [buildInstance()] })).toEqual(['ok', 'busy', 'off']);
    expect(tones({ instances: [buildInstance(1)], connected: true })).toEqual(['ok', 'ok', 'busy']);
    const status = buildStatus({ instances: [buildInstance()], connected: true });
    expect(isListening(listenerChecks(status, buildDocument()))).toBe(true);
  });

  it('says what is in the way, and where to mend it', () => {
    const refused = [buildInstance(2, [{ requested_qos: 1, granted_qos: null, refused: 'not authorised' }])];
    const [, , subscribed] = listenerChecks(buildStatus({ instances: refused, connected: true }), buildDocument());
    expect(subscribed).toMatchObject({ tone: 'bad', step: 'topics' });
    expect(subscribed?.note).toContain('not authorised');
    const [, connected] = listenerChecks(
      buildStatus({ instances: [buildInstance()], connection_error: 'wrong password' }),
      buildDocument(),
    );
    expect(connected).toMatchObject({ tone: 'bad', note: 'wrong password', step: 'broker' });
    expect(tones({ instances: [buildInstance()], connected: true }, buildDocument({ subscriptions: [] }))).toEqual([
      'ok',
      'ok',
      'off',
    ]);
  });

  it('does not take a listener that is gone for one', () => {
    const gone = { ...buildInstance(), state: 'stale' as const };
    expect(tones({ instances: [gone] })[0]).toBe('busy');
  });
});
