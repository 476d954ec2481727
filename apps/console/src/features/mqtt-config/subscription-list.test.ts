import type { Subscription, TopicFilterState } from '../../api/types';
import { buildInstance, buildStatus } from './build-status';
import { listSubscriptions, lookOf, readFilters } from './subscription-list';

function buildSubscription(overrides: Partial<Subscription>): Subscription {
  return {
    id: 1,
    name: 'Alarm',
    topic: 'alarm',
    absolute_topic: false,
    topic_filter: 'factory/alarm',
    warnings: [],
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
    actions_attempted: 0,
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
  const reading = (...lists: TopicFilterState[][]) =>
    readFilters(
      buildStatus({
        instances: lists.map((topic_filters, index) =>
          buildInstance({ id: `edge-${index}`, report: { topic_filters } }),
        ),
      }),
    );
  const look = (subscription: Partial<Subscription>, found: ReturnType<typeof readFilters>) =>
    lookOf(buildSubscription(subscription), found, 1);

  it('is the worst that any instance reports', () => {
    const found = reading([filterState({ granted_qos: 0 })], [filterState({ refused: 'Not authorized (0x87)' })]);
    expect(look({}, found)).toEqual({ tone: 'bad', words: 'Refused by the broker: Not authorized (0x87)' });
  });

  it('is as asked for when a connected listener has nothing to say about it', () => {
    expect(look({ id: 2, qos: 2 }, reading([filterState({})]))).toEqual({ tone: 'ok', words: 'Subscribed with QoS 2' });
  });

  it('waits while the listener has not applied the newest revision', () => {
    const status = buildStatus({ desired_revision: 2 });
    expect(look({}, readFilters(status)).tone).toBe('busy');
  });

  it('is not known without a connected listener, or when too many are not as wanted', () => {
    const silent = buildStatus({ instances: [buildInstance({ state: 'stale' })] });
    expect(look({}, readFilters(silent)).tone).toBe('off');
    const many = Array.from({ length: 200 }, (_, index) => filterState({ subscription_ids: [index + 10] }));
    expect(look({}, reading(many)).tone).toBe('off');
  });

  it('warns of a lower QoS than asked for, and says when it is off', () => {
    expect(look({}, reading([filterState({ granted_qos: 0 })])).tone).toBe('warn');
    expect(look({ enabled: false }, reading([])).tone).toBe('off');
  });
});
