import type { InstanceStatus, Subscription, TopicFilterState } from '../../api/types';
import { filterStates, listSubscriptions, lookOf } from './subscription-list';

function buildSubscription(overrides: Partial<Subscription>): Subscription {
  return {
    id: 1,
    name: 'Alarm',
    topic: 'alarm',
    absolute_topic: false,
    topic_filter: 'factory/alarm',
    enabled: true,
    description: '',
    qos: null,
    payload_format: 'json',
    filter: null,
    message_key: null,
    concurrency: null,
    ordering: 'none',
    actions: [],
    messages_received: 0,
    last_message_at: null,
    actions_executed: 0,
    actions_failed: 0,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    ...overrides,
  };
}

const filterState = (overrides: Partial<TopicFilterState>): TopicFilterState => ({
  topic_filter: 'factory/alarm',
  subscription_ids: [1],
  requested_qos: 1,
  granted_qos: 1,
  refused: null,
  ...overrides,
});

const instance = (...topic_filters: TopicFilterState[]): InstanceStatus => ({
  id: 'a',
  state: 'connected',
  applied_revision: 1,
  config_source: 'orchestrator',
  last_heartbeat_at: '2026-01-02T00:00:00Z',
  report: { topic_filters },
});

describe('the list of subscriptions', () => {
  const list = [
    buildSubscription({ id: 1, name: 'Line 10', messages_received: 5 }),
    buildSubscription({ id: 2, name: 'Line 9', actions_failed: 3, last_message_at: '2026-01-02T00:00:00Z' }),
    buildSubscription({
      id: 3,
      name: 'Doors',
      topic_filter: 'factory/door',
      actions: [{ id: 'a1', type: 'webhook', enabled: true, name: 'Tell ERP' }],
    }),
  ];
  const names = (rows: Subscription[]) => rows.map((row) => row.name);

  it('sorts by name as people count, by messages, failures and activity', () => {
    expect(names(listSubscriptions(list, '', 'name'))).toEqual(['Doors', 'Line 9', 'Line 10']);
    expect(names(listSubscriptions(list, '', 'messages'))[0]).toBe('Line 10');
    expect(names(listSubscriptions(list, '', 'failures'))[0]).toBe('Line 9');
    expect(names(listSubscriptions(list, '', 'activity'))[0]).toBe('Line 9');
  });

  it('finds every word in name, topic or action', () => {
    expect(names(listSubscriptions(list, 'erp door', 'name'))).toEqual(['Doors']);
    expect(names(listSubscriptions(list, 'webhook line', 'name'))).toEqual([]);
  });
});

describe('the state of a filter', () => {
  it('is the worst that any instance reports', () => {
    const states = filterStates([
      instance(filterState({})),
      instance(filterState({ granted_qos: null, refused: 'Not authorized (0x87)' })),
    ]);
    expect(lookOf(buildSubscription({}), states.get(1))).toEqual({
      tone: 'bad',
      words: 'Refused by the broker: Not authorized (0x87)',
    });
  });

  it('warns of a lower QoS than asked for, and says when it is off', () => {
    expect(lookOf(buildSubscription({}), filterState({ granted_qos: 0 })).tone).toBe('warn');
    expect(lookOf(buildSubscription({ enabled: false }), filterState({})).tone).toBe('off');
    expect(lookOf(buildSubscription({}), undefined).tone).toBe('off');
  });
});
