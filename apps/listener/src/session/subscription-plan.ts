import type { ListenerSubscription, ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import { createTopicIndex, MAX_LANES, sharedFilter, type TopicIndex, topicMatches } from '@cortex-mqtt/mqtt';
import { FilterTrie } from './filter-trie';
import type { SubscriptionIdentifiers } from './incoming-message';

/** Largest Subscription Identifier (MQTT 5, 3.8.2.1.2). */
const MAX_SUBSCRIPTION_IDENTIFIER = 268_435_455;

/** What of a subscription decides about SUBSCRIBE. */
export type PlannedSubscription = Pick<ListenerSubscription, 'id' | 'topic_filter' | 'qos'>;

/** One topic filter as it is sent in SUBSCRIBE. */
export interface PlannedFilter {
  /** As sent: with `$share/{group}/` where the subscription is shared. */
  filter: string;
  /** Without it. */
  topic_filter: string;
  qos: QoS;
  /** Subscription Identifier; null with MQTT 3.1.1 or a broker without them. */
  identifier: number | null;
  /** Subscriptions whose messages come by this filter, ascending. */
  subscription_ids: readonly number[];
}

/** What messages of before a change carry: the identifier that stood for a filter which has another one now, or is gone. */
export interface RetiredIdentifier {
  identifier: number;
  topic_filter: string;
  /** Subscriptions it stood for; absent in notes of earlier versions, where only the first is known. */
  subscription_ids?: readonly number[];
  /** Milliseconds since the epoch. */
  retired_at_ms: number;
}

export interface RoutedMessage {
  topic: string;
  subscription_identifiers: SubscriptionIdentifiers;
}

/**
 * What to subscribe to, on which connection, and to which subscriptions a message then belongs. A lane is one connection;
 * mostly there is one.
 */
export interface SubscriptionPlan {
  lanes: readonly (readonly PlannedFilter[])[];
  /** How one message that several subscriptions match is kept from running twice. */
  strategy: 'identifiers' | 'covering';
  /** Filters that share a lane with one they overlap, since there are no more lanes: a broker that sends a copy for each makes duplicates. */
  ambiguous_filters: readonly string[];
  /**
   * Ids of the subscriptions that this copy of a message, received on that lane, has to run, each once. Empty: it matches
   * none of them.
   */
  route(lane: number, message: RoutedMessage): readonly number[];
}

export interface PlanInput {
  subscriptions: readonly PlannedSubscription[];
  /** `$share` group; null = not shared. */
  shared_group: string | null;
  protocol_version: ProtocolVersion;
  /** CONNACK: Subscription Identifiers Available (MQTT 5, 3.2.2.3.12). */
  identifiers_available: boolean;
  max_lanes?: number;
  /** Lanes of an earlier plan by topic filter: a filter stays where it is when it can. */
  earlier_lanes?: ReadonlyMap<string, number>;
  retired_identifiers?: readonly RetiredIdentifier[];
}

/**
 * One message that several overlapping subscriptions match runs each of them once, whether the broker sends one copy or
 * several (MQTT 5, 3.3.4 leaves it free).
 *
 * - `identifiers` (MQTT 5): every filter has a Subscription Identifier, the lowest id of its subscriptions, so it is the same
 *   after a restart and messages queued in the session carry it. A copy runs the subscriptions of its identifiers.
 * - `covering` (else): a filter that another one covers is not subscribed to; filters that overlap without one covering the
 *   other go to separate connections. So exactly one copy comes on each connection, and runs the subscriptions of that
 *   connection that its topic matches.
 */
export function planSubscriptions(input: PlanInput): SubscriptionPlan {
  const groups = groupByFilter(input.subscriptions);
  const has_identifiers =
    input.protocol_version === 5 &&
    input.identifiers_available &&
    groups.every((group) => group.subscription_ids[0]! <= MAX_SUBSCRIPTION_IDENTIFIER);
  return has_identifiers ? planByIdentifiers(groups, input) : planByCovering(groups, input);
}

/** Subscriptions of one topic filter. */
interface FilterGroup {
  topic_filter: string;
  qos: QoS;
  subscription_ids: number[];
}

function groupByFilter(subscriptions: readonly PlannedSubscription[]): FilterGroup[] {
  const groups = new Map<string, FilterGroup>();
  for (const { id, topic_filter, qos } of [...subscriptions].sort((a, b) => a.id - b.id)) {
    const group = groups.get(topic_filter);
    if (!group) {
      groups.set(topic_filter, { topic_filter, qos, subscription_ids: [id] });
      continue;
    }
    group.subscription_ids.push(id);
    group.qos = highest(group.qos, qos);
  }
  return [...groups.values()];
}

/** Most filters of a large product have no wildcard. */
const matches = (filter: string, topic: string): boolean => filter === topic || topicMatches(filter, topic);

const highest = (a: QoS, b: QoS): QoS => (a > b ? a : b);

function planByIdentifiers(groups: readonly FilterGroup[], input: PlanInput): SubscriptionPlan {
  const by_identifier = new Map<number, FilterGroup>();
  const by_filter = new Map<string, FilterGroup>();
  const by_topic = createTopicIndex<FilterGroup>();
  for (const group of groups) {
    by_identifier.set(group.subscription_ids[0]!, group);
    by_filter.set(group.topic_filter, group);
    by_topic.add(group.topic_filter, group);
  }
  const by_subscription = new Map(groups.flatMap((group) => group.subscription_ids.map((id) => [id, group])));
  const retired = new Map<number, RetiredIdentifier[]>();
  for (const entry of input.retired_identifiers ?? []) {
    retired.set(entry.identifier, [...(retired.get(entry.identifier) ?? []), entry]);
  }

  /**
   * The subscriptions that an identifier of this message stands for, now and before; null = it was never ours. An identifier
   * counts for more than the topic: brokers rewrite topics (`$queue/…`, mount points), and a message that was queued before a
   * filter changed still belongs to the subscription it was queued for.
   */
  const idsFor = (identifier: number, topic: string): readonly number[] | null => {
    const current = by_identifier.get(identifier);
    const before = retired.get(identifier) ?? [];
    if (!current && before.length === 0) return null;
    const fits_now = current !== undefined && matches(current.topic_filter, topic);
    const fitting = before.filter(({ topic_filter }) => matches(topic_filter, topic));
    const is_rewritten = !fits_now && fitting.length === 0;
    const found = new Set<number>(current && (fits_now || is_rewritten) ? current.subscription_ids : []);
    for (const { topic_filter, subscription_ids = [identifier] } of is_rewritten ? before : fitting) {
      // Where the filter is still in use, the message may have been queued for those that have it now.
      for (const id of by_filter.get(topic_filter)?.subscription_ids ?? []) found.add(id);
      // Those that are gone are nobody's: the others have copies of their own.
      for (const id of subscription_ids) if (by_subscription.has(id)) found.add(id);
    }
    return [...found];
  };

  return {
    lanes: [groups.map((group) => toFilter(group, input.shared_group, { identifier: group.subscription_ids[0]! }))],
    strategy: 'identifiers',
    ambiguous_filters: [],
    route: (_lane, { topic, subscription_identifiers: carried }) => {
      if (typeof carried === 'number' && !retired.has(carried)) {
        const group = by_identifier.get(carried);
        if (group !== undefined && matches(group.topic_filter, topic)) return group.subscription_ids;
      }
      const identifiers = typeof carried === 'number' ? [carried] : carried;
      const found = new Set<number>();
      // Without an identifier that we know, all that match: a duplicate is better than a loss.
      let is_known = identifiers.length > 0;
      for (const identifier of identifiers) {
        const known = idsFor(identifier, topic);
        if (known === null) is_known = false;
        else for (const id of known) found.add(id);
      }
      if (!is_known) for (const id of idsOf(by_topic.match(topic))) found.add(id);
      return found.size === 0 ? NOTHING : [...found].sort((a, b) => a - b);
    },
  };
}

function planByCovering(groups: readonly FilterGroup[], input: PlanInput): SubscriptionPlan {
  const covered_by = findRoots(groups);
  const roots = new Map<string, FilterGroup>();
  for (const group of groups) {
    const root_filter = covered_by.get(group.topic_filter)!;
    const root = roots.get(root_filter);
    if (!root) {
      roots.set(root_filter, { ...group, topic_filter: root_filter, subscription_ids: [...group.subscription_ids] });
      continue;
    }
    root.qos = highest(root.qos, group.qos);
    root.subscription_ids.push(...group.subscription_ids);
  }
  const { lane_of, ambiguous_filters } = assignLanes([...roots.keys()], {
    max_lanes: input.max_lanes ?? MAX_LANES,
    earlier_lanes: input.earlier_lanes ?? new Map(),
  });

  const lanes: PlannedFilter[][] = [[]];
  for (const root of roots.values()) {
    const lane = lane_of.get(root.topic_filter)!;
    while (lanes.length <= lane) lanes.push([]);
    root.subscription_ids.sort((a, b) => a - b);
    lanes[lane]!.push(toFilter(root, input.shared_group, { identifier: null }));
  }
  const by_topic: TopicIndex<FilterGroup>[] = lanes.map(() => createTopicIndex());
  for (const group of groups) {
    by_topic[lane_of.get(covered_by.get(group.topic_filter)!)!]!.add(group.topic_filter, group);
  }
  return {
    lanes,
    strategy: 'covering',
    ambiguous_filters,
    route: (lane, { topic }) => {
      const own = by_topic[lane]?.match(topic) ?? [];
      if (own.length > 0) return idsOf(own);
      // Queued before its filter moved to another lane: then nobody else brings it.
      return idsOf(by_topic.flatMap((index) => index.match(topic)));
    },
  };
}

/** For each filter the one that is subscribed to in its place: itself, or one that covers it and is covered by none. */
function findRoots(groups: readonly FilterGroup[]): Map<string, string> {
  const trie = new FilterTrie();
  for (const { topic_filter } of groups) trie.add(topic_filter);
  const roots = new Map<string, string>();
  const rootOf = (filter: string): string => {
    const known = roots.get(filter);
    if (known !== undefined) return known;
    roots.set(filter, filter);
    const wider = trie
      .covering(filter)
      // "#" and "+/#" cover each other; the first one by name stays.
      .filter((other) => other !== filter && (!trie.covering(other).includes(filter) || other < filter))
      .sort();
    const root = wider[0] === undefined ? filter : rootOf(wider[0]);
    roots.set(filter, root);
    return root;
  };
  for (const { topic_filter } of groups) rootOf(topic_filter);
  return roots;
}

/** Greedy colouring of the graph of overlapping filters; a filter that finds no free colour shares the last one. */
function assignLanes(
  filters: readonly string[],
  options: { max_lanes: number; earlier_lanes: ReadonlyMap<string, number> },
): { lane_of: Map<string, number>; ambiguous_filters: string[] } {
  const trie = new FilterTrie();
  for (const filter of filters) trie.add(filter);
  const lane_of = new Map<string, number>();
  const ambiguous_filters: string[] = [];
  // Those that have a lane come first, so that a new filter never drives an old one away.
  const in_order = [...filters].sort(
    (a, b) => Number(options.earlier_lanes.has(b)) - Number(options.earlier_lanes.has(a)),
  );
  for (const filter of in_order) {
    const taken = new Set(trie.overlapping(filter).map((other) => lane_of.get(other)));
    const earlier = options.earlier_lanes.get(filter);
    let lane = earlier !== undefined && earlier < options.max_lanes && !taken.has(earlier) ? earlier : 0;
    while (taken.has(lane) && lane < options.max_lanes) lane += 1;
    if (lane === options.max_lanes) {
      lane = options.max_lanes - 1;
      ambiguous_filters.push(filter);
    }
    lane_of.set(filter, lane);
  }
  return { lane_of, ambiguous_filters };
}

function toFilter(
  group: FilterGroup,
  shared_group: string | null,
  { identifier }: { identifier: number | null },
): PlannedFilter {
  return {
    filter: shared_group === null ? group.topic_filter : sharedFilter(shared_group, group.topic_filter),
    topic_filter: group.topic_filter,
    qos: group.qos,
    identifier,
    subscription_ids: group.subscription_ids,
  };
}

const NOTHING: readonly number[] = Object.freeze([]);

/** A subscription stands in one group only, so nothing is twice. */
function idsOf(groups: readonly FilterGroup[]): readonly number[] {
  if (groups.length === 0) return NOTHING;
  if (groups.length === 1) return groups[0]!.subscription_ids;
  return groups.flatMap((group) => group.subscription_ids);
}

/** What a broker was told in SUBSCRIBE, as far as it matters for telling it again. */
export type AppliedFilter = Pick<PlannedFilter, 'filter' | 'topic_filter' | 'qos' | 'identifier'> &
  Partial<Pick<PlannedFilter, 'subscription_ids'>>;

export interface SubscriptionSteps {
  /** Sent first: a message that two filters match comes twice for a moment, and never not at all. */
  subscribe: PlannedFilter[];
  /** Filters as they were sent. */
  unsubscribe: string[];
}

/** What to send so that the broker, which has `applied`, has `desired`. Nothing is sent again that it has. */
export function diffFilters(applied: Iterable<AppliedFilter>, desired: readonly PlannedFilter[]): SubscriptionSteps {
  const before = new Map([...applied].map((filter) => [filter.filter, filter]));
  const wanted = new Set(desired.map(({ filter }) => filter));
  return {
    subscribe: desired.filter((filter) => {
      const present = before.get(filter.filter);
      return present?.qos !== filter.qos || present.identifier !== filter.identifier;
    }),
    unsubscribe: [...before.keys()].filter((filter) => !wanted.has(filter)),
  };
}

/** Identifiers that messages queued at the broker may still carry although the plan has changed. */
export function retireIdentifiers(
  earlier: readonly RetiredIdentifier[],
  applied: Iterable<AppliedFilter>,
  desired: readonly PlannedFilter[],
  now_ms: number,
): RetiredIdentifier[] {
  const keyOf = (filter: { identifier: number | null; topic_filter: string }) =>
    `${filter.identifier} ${filter.topic_filter}`;
  const current = new Set(desired.map(keyOf));
  const all = new Map<string, RetiredIdentifier>();
  for (const retired of earlier) {
    const is_fresh = now_ms - retired.retired_at_ms < RETIRED_FOR_MS;
    if (is_fresh && !current.has(keyOf(retired))) all.set(keyOf(retired), retired);
  }
  for (const filter of applied) {
    const { identifier, topic_filter, subscription_ids } = filter;
    if (identifier === null || current.has(keyOf(filter))) continue;
    all.set(keyOf(filter), { identifier, topic_filter, subscription_ids, retired_at_ms: now_ms });
  }
  return [...all.values()].slice(-MAX_RETIRED_IDENTIFIERS);
}

/** A message that waits longer at the broker falls back to its topic. */
const RETIRED_FOR_MS = 24 * 60 * 60 * 1_000;
const MAX_RETIRED_IDENTIFIERS = 20_000;

/** Bytes of SUBSCRIBE or UNSUBSCRIBE around the filters: fixed header, packet identifier, properties. */
const PACKET_OVERHEAD_BYTES = 16;
/** Bytes around each filter: its length and options. */
const FILTER_OVERHEAD_BYTES = 3;

/**
 * Splits filters into packets. With MQTT 5 an identifier belongs to the whole packet, so each filter has its own.
 * `max_bytes` is the broker's Maximum Packet Size (MQTT 5, 3.2.2.3.6) or a size that every broker takes.
 */
export function batchFilters<T extends { filter: string; identifier?: number | null }>(
  filters: readonly T[],
  limits: { max_bytes: number; max_filters: number },
): T[][] {
  const batches: T[][] = [];
  let bytes = 0;
  for (const filter of filters) {
    const own_bytes = Buffer.byteLength(filter.filter) + FILTER_OVERHEAD_BYTES;
    const last = batches.at(-1);
    const fits =
      last !== undefined &&
      last.length < limits.max_filters &&
      bytes + own_bytes <= limits.max_bytes &&
      (last[0]!.identifier ?? null) === (filter.identifier ?? null);
    if (fits) {
      last.push(filter);
      bytes += own_bytes;
    } else {
      batches.push([filter]);
      bytes = PACKET_OVERHEAD_BYTES + own_bytes;
    }
  }
  return batches;
}
