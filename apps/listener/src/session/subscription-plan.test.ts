import { topicMatches } from '@cortex-mqtt/mqtt';
import {
  batchFilters,
  diffFilters,
  type PlanInput,
  type PlannedSubscription,
  planSubscriptions,
  retireIdentifiers,
  type SubscriptionPlan,
} from './subscription-plan';

function buildSubscriptions(...filters: string[]): PlannedSubscription[] {
  return filters.map((topic_filter, index) => ({ id: index + 1, topic_filter, qos: 1 }));
}

function buildPlan(subscriptions: PlannedSubscription[], overrides: Partial<PlanInput> = {}): SubscriptionPlan {
  return planSubscriptions({
    subscriptions,
    shared_group: null,
    protocol_version: 5,
    identifiers_available: true,
    ...overrides,
  });
}

const filtersOf = (plan: SubscriptionPlan): string[][] => plan.lanes.map((lane) => lane.map(({ filter }) => filter));

/** What a broker sends for a topic, per lane: `copies` for each filter, or one with everything in it. */
function deliver(plan: SubscriptionPlan, topic: string, mode: 'one copy' | 'several copies'): number[] {
  const executed: number[] = [];
  plan.lanes.forEach((filters, lane) => {
    const matching = filters.filter(({ topic_filter }) => topicMatches(topic_filter, topic));
    const identifiers = matching.flatMap(({ identifier }) => (identifier === null ? [] : [identifier]));
    if (matching.length === 0) return;
    if (mode === 'one copy') {
      executed.push(...plan.route(lane, { topic, subscription_identifiers: identifiers }));
      return;
    }
    for (const { identifier } of matching) {
      executed.push(...plan.route(lane, { topic, subscription_identifiers: identifier ?? [] }));
    }
  });
  return executed.sort((a, b) => a - b);
}

const OVERLAPPING = ['a/#', 'a/b', 'a/+', 'a/b', '+/b', 'a/+/c', 'a/b/+', 'x/y', '#', '+/#', '$SYS/#'];

describe.each([
  ['MQTT 5', { protocol_version: 5, identifiers_available: true }],
  ['MQTT 5 without identifiers', { protocol_version: 5, identifiers_available: false }],
  ['MQTT 3.1.1', { protocol_version: 4, identifiers_available: false }],
] as const)('overlapping subscriptions with %s', (_name, broker) => {
  it.each(['one copy', 'several copies'] as const)('run once each when the broker sends %s', (mode) => {
    for (const filters of [OVERLAPPING, OVERLAPPING.filter((filter) => !['#', '+/#'].includes(filter))]) {
      const subscriptions = buildSubscriptions(...filters);
      const plan = buildPlan(subscriptions, broker);
      for (const topic of ['a', 'a/b', 'a/b/c', 'x/b', 'x/y', 'z', '$SYS/x', 'a/b/c/d']) {
        const expected = subscriptions
          .filter(({ topic_filter }) => topicMatches(topic_filter, topic))
          .map(({ id }) => id);
        expect({ topic, executed: deliver(plan, topic, mode) }).toEqual({ topic, executed: expected });
      }
    }
  });
});

describe('Subscription Identifiers', () => {
  it('are the lowest id of the filter, which is asked for with the highest QoS of its subscriptions', () => {
    const plan = buildPlan([
      { id: 9, topic_filter: 'a/#', qos: 2 },
      { id: 4, topic_filter: 'a/#', qos: 0 },
      { id: 5, topic_filter: 'b', qos: 1 },
    ]);
    expect(plan.lanes).toEqual([
      [
        { filter: 'a/#', topic_filter: 'a/#', qos: 2, identifier: 4, subscription_ids: [4, 9] },
        { filter: 'b', topic_filter: 'b', qos: 1, identifier: 5, subscription_ids: [5] },
      ],
    ]);
  });

  it('still lead to their filter after it got another one', () => {
    const before = buildPlan([
      { id: 5, topic_filter: 'a/#', qos: 1 },
      { id: 9, topic_filter: 'a/#', qos: 1 },
      { id: 7, topic_filter: '#', qos: 1 },
    ]);
    const after: PlannedSubscription[] = [
      { id: 9, topic_filter: 'a/#', qos: 1 },
      { id: 7, topic_filter: '#', qos: 1 },
    ];
    const retired_identifiers = retireIdentifiers([], before.lanes[0]!, buildPlan(after).lanes[0]!, 0);
    const plan = buildPlan(after, { retired_identifiers });
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: 5 })).toEqual([9]);
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: 7 })).toEqual([7]);
  });

  it('of a deleted subscription run nobody, since the others have copies of their own', () => {
    const before = buildPlan(buildSubscriptions('a/#', 'a/b'));
    const after = [{ id: 2, topic_filter: 'a/b', qos: 1 as const }];
    const retired_identifiers = retireIdentifiers([], before.lanes[0]!, buildPlan(after).lanes[0]!, 0);
    const plan = buildPlan(after, { retired_identifiers });
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: 1 })).toEqual([]);
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: [1, 2] })).toEqual([2]);
  });

  it('that moved to another filter run those of the old one too', () => {
    const before = buildPlan([
      { id: 5, topic_filter: 'a/#', qos: 1 },
      { id: 9, topic_filter: 'a/#', qos: 1 },
    ]);
    const after: PlannedSubscription[] = [
      { id: 5, topic_filter: 'a/+', qos: 1 },
      { id: 9, topic_filter: 'a/#', qos: 1 },
    ];
    const retired_identifiers = retireIdentifiers([], before.lanes[0]!, buildPlan(after).lanes[0]!, 0);
    const plan = buildPlan(after, { retired_identifiers });
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: 5 })).toEqual([5, 9]);
  });

  it('go before the topic, which the broker may have rewritten', () => {
    const plan = buildPlan(buildSubscriptions('$queue/a/#', 'b', 'x/#'));
    expect(plan.route(0, { topic: 'a/1', subscription_identifiers: 1 })).toEqual([1]);
    expect(plan.route(0, { topic: 'mount/b', subscription_identifiers: 2 })).toEqual([2]);
    expect(plan.route(0, { topic: 'elsewhere', subscription_identifiers: [1, 2] })).toEqual([1, 2]);
  });

  it('of before a change of prefix go to the same subscriptions while they live', () => {
    const before = buildPlan(buildSubscriptions('old/a', 'old/b', 'old/b'));
    const after: PlannedSubscription[] = [
      { id: 1, topic_filter: 'new/a', qos: 1 },
      { id: 3, topic_filter: 'new/b', qos: 1 },
    ];
    const applied = before.lanes[0]!;
    const retired_identifiers = retireIdentifiers([], applied, buildPlan(after).lanes[0]!, 0);
    const route = (topic: string, subscription_identifiers: number) =>
      buildPlan(after, { retired_identifiers }).route(0, { topic, subscription_identifiers });
    expect(route('old/a', 1)).toEqual([1]);
    expect(route('new/a', 1)).toEqual([1]);
    // The filter stood for 2 and 3; 2 is gone.
    expect(route('old/b', 2)).toEqual([3]);
    expect(route('mount/old/b', 2)).toEqual([3]);

    // Notes of earlier versions don't name the subscriptions: the identifier is the first one's id.
    const unnamed = retired_identifiers.map(({ subscription_ids, ...rest }) => rest);
    const plan = buildPlan(after, { retired_identifiers: unnamed });
    expect(plan.route(0, { topic: 'old/a', subscription_identifiers: 1 })).toEqual([1]);
  });

  it('that are unknown, or absent, fall back to the topic', () => {
    const plan = buildPlan(buildSubscriptions('a/#', 'a/b', 'c'));
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: 77 })).toEqual([1, 2]);
    expect(plan.route(0, { topic: 'a/b', subscription_identifiers: [] })).toEqual([1, 2]);
  });

  it('are not used when an id is too large for one', () => {
    const plan = buildPlan([
      { id: 268_435_456, topic_filter: 'a/b', qos: 1 },
      { id: 3, topic_filter: 'a/#', qos: 0 },
    ]);
    expect(plan.strategy).toBe('covering');
    expect(filtersOf(plan)).toEqual([['a/#']]);
  });
});

describe('covering filters', () => {
  const mqtt311 = { protocol_version: 4, identifiers_available: false } as const;

  it('take the highest QoS of those they cover, and all their subscriptions', () => {
    const plan = buildPlan(
      [
        { id: 1, topic_filter: 'a/b/c', qos: 2 },
        { id: 2, topic_filter: 'a/#', qos: 0 },
        { id: 3, topic_filter: 'a/+/c', qos: 1 },
      ],
      mqtt311,
    );
    expect(plan.lanes).toEqual([
      [{ filter: 'a/#', topic_filter: 'a/#', qos: 2, identifier: null, subscription_ids: [1, 2, 3] }],
    ]);
  });

  it('that overlap in part stand on different lanes, and stay on theirs', () => {
    const plan = buildPlan(buildSubscriptions('a/+/c', 'a/b/+', 'x'), mqtt311);
    expect(filtersOf(plan)).toEqual([['a/+/c', 'x'], ['a/b/+']]);
    const earlier_lanes = new Map([
      ['a/b/+', 0],
      ['a/+/c', 1],
    ]);
    const later = buildPlan(buildSubscriptions('a/+/c', 'a/b/+', 'x'), { ...mqtt311, earlier_lanes });
    expect(filtersOf(later)).toEqual([['a/b/+', 'x'], ['a/+/c']]);
  });

  it('share the last lane when there are no more, and are named', () => {
    const plan = buildPlan(buildSubscriptions('a/+/+', '+/b/+', '+/+/c'), { ...mqtt311, max_lanes: 2 });
    expect(filtersOf(plan)).toEqual([['a/+/+'], ['+/b/+', '+/+/c']]);
    expect(plan.ambiguous_filters).toEqual(['+/+/c']);
  });

  it('that moved to another lane still get what was queued on the old one', () => {
    const plan = buildPlan(buildSubscriptions('a/+/c', 'a/b/+'), mqtt311);
    expect(filtersOf(plan)).toEqual([['a/+/c'], ['a/b/+']]);
    expect(plan.route(0, { topic: 'a/b/z', subscription_identifiers: [] })).toEqual([2]);
  });

  it('are sent with the shared group', () => {
    const plan = buildPlan(buildSubscriptions('a/#', 'a/b'), { ...mqtt311, shared_group: 'g' });
    expect(plan.lanes[0]!.map(({ filter, topic_filter }) => [filter, topic_filter])).toEqual([['$share/g/a/#', 'a/#']]);
  });

  it('are found among 10,000 subscriptions without comparing each pair', () => {
    const filters = Array.from({ length: 10_000 }, (_, index) =>
      index % 100 === 0 ? `site/${index / 100}/#` : `site/${Math.floor(index / 100)}/device/${index}`,
    );
    const plan = buildPlan(buildSubscriptions(...filters), mqtt311);
    expect(plan.lanes).toHaveLength(1);
    expect(plan.lanes[0]).toHaveLength(100);
    expect(plan.route(0, { topic: 'site/7/device/742', subscription_identifiers: [] })).toEqual([701, 743]);
  });
});

describe('changes of a plan', () => {
  it('tell the broker only what changed', () => {
    const before = buildPlan(buildSubscriptions('a', 'b', 'c', 'd')).lanes[0]!;
    const after = buildPlan([
      { id: 1, topic_filter: 'a', qos: 1 },
      { id: 2, topic_filter: 'b', qos: 2 },
      { id: 8, topic_filter: 'c', qos: 1 },
      { id: 9, topic_filter: 'new', qos: 1 },
    ]).lanes[0]!;
    const steps = diffFilters(before, after);
    expect(steps.subscribe.map(({ filter }) => filter)).toEqual(['b', 'c', 'new']);
    expect(steps.unsubscribe).toEqual(['d']);
    expect(diffFilters(after, after)).toEqual({ subscribe: [], unsubscribe: [] });
  });

  it('go out in packets of bounded size, with one identifier each', () => {
    const filter = (name: string, identifier: number | null) => ({ filter: name, identifier });
    const plain = ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee'].map((name) => filter(name, null));
    const limits = { max_bytes: 16 + 2 * 7, max_filters: 100 };
    expect(batchFilters(plain, limits).map((batch) => batch.length)).toEqual([2, 2, 1]);
    expect(batchFilters(plain, { max_bytes: 1_000, max_filters: 3 }).map((batch) => batch.length)).toEqual([3, 2]);
    const numbered = [filter('a', 1), filter('b', 2)];
    expect(batchFilters(numbered, { max_bytes: 1_000, max_filters: 100 })).toEqual([[numbered[0]], [numbered[1]]]);
  });
});
