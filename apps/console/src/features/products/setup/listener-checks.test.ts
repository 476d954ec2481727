import type { InstanceStatus, MqttConfigDocument, TopicFilterState } from '../../../api/types';
import { isListening, listenerChecks } from './listener-checks';

type Status = Parameters<typeof listenerChecks>[0];

function buildStatus(overrides: Partial<Status> = {}): Status {
  return { instances: [], connected: false, state: 'no_listener', connection_error: null, ...overrides };
}

function buildInstance(filters: Partial<TopicFilterState>[] = []): InstanceStatus {
  return {
    id: 'shop-1',
    state: 'connected',
    report: {
      topic_filters: filters.map((filter) => ({
        topic_filter: '#',
        subscription_ids: [1],
        requested_qos: 1,
        granted_qos: 1,
        refused: null,
        ...filter,
      })),
    },
  } as unknown as InstanceStatus;
}

function buildDocument({ host = 'broker', subscriptions = [{ id: 1, name: 'all', enabled: true }] } = {}) {
  return { mqtt_config: { broker: { host } }, subscriptions } as unknown as MqttConfigDocument;
}

describe('whether a product listens', () => {
  const tones = (status: Partial<Status>, document = buildDocument()) =>
    listenerChecks(buildStatus(status), document).map(({ tone }) => tone);

  it('begins with nobody', () => {
    expect(tones({})).toEqual(['busy', 'off', 'off']);
  });

  it('becomes true step by step', () => {
    expect(tones({ instances: [buildInstance()] })).toEqual(['ok', 'busy', 'off']);
    expect(tones({ instances: [buildInstance()], connected: true })).toEqual(['ok', 'ok', 'busy']);
    expect(tones({ instances: [buildInstance([{ granted_qos: null }])], connected: true })).toEqual([
      'ok',
      'ok',
      'busy',
    ]);
    const status = buildStatus({ instances: [buildInstance([{}])], connected: true });
    expect(isListening(listenerChecks(status, buildDocument()))).toBe(true);
  });

  it('says what is in the way, and where to mend it', () => {
    const refused = [buildInstance([{ granted_qos: null, refused: 'not authorised' }])];
    const [, , subscribed] = listenerChecks(buildStatus({ instances: refused, connected: true }), buildDocument());
    expect(subscribed).toMatchObject({ tone: 'bad', step: 'topics' });
    expect(subscribed?.words).toContain('not authorised');
    const [, connected] = listenerChecks(
      buildStatus({ instances: [buildInstance()], connection_error: 'wrong password' }),
      buildDocument(),
    );
    expect(connected).toMatchObject({ tone: 'bad', note: 'wrong password', step: 'broker' });
  });

  it('does not take a listener that is gone for one', () => {
    const gone = { ...buildInstance(), state: 'stale' as const };
    expect(tones({ instances: [gone] })[0]).toBe('busy');
  });
});
