import {
  filterCovers,
  filtersOverlap,
  MAX_FILTER_LEVELS,
  matchParams,
  sharedFilter,
  topicFilterFaults,
  topicMatches,
  validatePublishTopic,
  validateSharedGroup,
} from './topic-filter';
import { createTopicIndex } from './topic-index';

/** Every sequence of 1…depth of these levels, joined. */
function paths(levels: string[], depth: number): string[] {
  const longer = depth > 1 ? paths(levels, depth - 1) : [];
  const joined = longer.flatMap((tail) => levels.map((level) => `${level}/${tail}`));
  return [...new Set([...levels, ...longer, ...joined])];
}

/** The sentences of MQTT 5, 4.7, as a regular expression: slow, and another way of thinking than the code under test. */
function naiveMatches(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith('$')) return false;
  const source = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level.replace('$', '\\$')))
    .join('/')
    .replace(/\/\.\*$/, '(/.*)?');
  return new RegExp(`^${source}$`).test(topic);
}

// Every topic of up to four levels and every filter of up to three: small enough to try all, large enough that each rule
// (empty levels, parent level of "#", "$" topics) has a case.
// The empty topic is among them though no publisher can send it: without it "+" and "/#" would not overlap, a corner that
// isn't worth a special case.
const topics = paths(['a', 'b', 'c', '', '$x'], 4);
const filters = paths(['a', 'b', '', '+', '#', '$x'], 3).filter((filter) => topicFilterFaults(filter).length === 0);
const matchTable = new Map(
  filters.map((filter) => [filter, topics.map((topic) => naiveMatches(filter, topic))] as const),
);
const rowOf = (filter: string): boolean[] => matchTable.get(filter) ?? [];

describe('topicMatches', () => {
  it('agrees with a naive matcher on every small filter and topic', () => {
    const differing = filters.flatMap((filter) =>
      topics
        .filter((topic, index) => topicMatches(filter, topic) !== rowOf(filter)[index])
        .map((topic) => `${filter} × ${topic}`),
    );
    expect(filters.length).toBeGreaterThan(150);
    expect(differing).toEqual([]);
  });

  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/#', 'sport', true],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/broker/version', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor/Clients', true],
    ['a/B', 'a/b', false],
  ])('gives the answer of the specification for %s and %s', (filter, topic, matches) => {
    expect(topicMatches(filter, topic)).toBe(matches);
  });
});

describe('filterCovers and filtersOverlap', () => {
  it('agree with what the topics themselves say, for every pair of small filters', () => {
    const wrong: string[] = [];
    for (const a of filters) {
      const rowA = rowOf(a);
      for (const b of filters) {
        const rowB = rowOf(b);
        const covers = rowB.every((matched, index) => !matched || rowA[index]);
        const overlaps = rowB.some((matched, index) => matched && rowA[index]);
        if (filterCovers(a, b) !== covers) wrong.push(`covers ${a} ${b}`);
        if (filtersOverlap(a, b) !== overlaps) wrong.push(`overlap ${a} ${b}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('matchParams', () => {
  it('gives the levels of the named wildcards and leaves out those without a name', () => {
    expect(matchParams('acme/+/+/orders/+/#', ['site', null, 'order'], 'acme/berlin/line-2/orders/77/x/y')).toEqual({
      site: 'berlin',
      order: '77',
    });
  });

  it('gives an empty level as an empty string', () => {
    expect(matchParams('a/+', ['name'], 'a/')).toEqual({ name: '' });
  });

  it('gives null for a topic that the filter does not match', () => {
    expect(matchParams('a/+', ['name'], 'b/c')).toBeNull();
  });
});

describe('topicFilterFaults', () => {
  it.each([
    ['', 'must not be empty'],
    ['a/#/b', '"#" must be the last level'],
    ['a/b#', '"#" must stand alone'],
    ['a/b+/c', '"+" must stand alone'],
    ['a/\u0000', 'null character'],
    ['a/\ud800', 'valid Unicode'],
    ['a/\n', 'control characters'],
    ['$share/group/a', 'must not be written by hand'],
    ['$share', 'must not be written by hand'],
    [`${'é'.repeat(32_767)}ab`, '65535 bytes in UTF-8 (it has 65536)'],
    ['a/'.repeat(MAX_FILTER_LEVELS), `more than ${MAX_FILTER_LEVELS} levels`],
  ])('refuses %j', (filter, message) => {
    expect(topicFilterFaults(filter).join('; ')).toContain(message);
  });

  it.each(['a', '/', 'a//b', '+', '#', '/#', '+/+/#', '$SYS/#', '$shared/a', 'é'.repeat(32_767)])(
    'takes %j',
    (filter) => {
      expect(topicFilterFaults(filter)).toEqual([]);
    },
  );
});

describe('shared groups and topics to publish to', () => {
  it('builds the filter of a shared subscription', () => {
    expect(sharedFilter('workers', '/a/#')).toBe('$share/workers//a/#');
  });

  it.each(['', 'a/b', 'a+', '#', 'a\u0000'])('refuses the group %j', (group) => {
    expect(validateSharedGroup(group)).not.toBeNull();
  });

  it('takes a plain group', () => {
    expect(validateSharedGroup('product-7 workers')).toBeNull();
  });

  it.each(['', 'a/+', 'a/#', 'a+b', '$share/g/a', 'a\u0000', 'a'.repeat(65_536)])(
    'refuses to publish to %#',
    (topic) => {
      expect(validatePublishTopic(topic)).not.toBeNull();
    },
  );

  it('takes any other topic to publish to', () => {
    expect(validatePublishTopic('a//b/$share')).toBeNull();
    expect(validatePublishTopic('a'.repeat(65_535))).toBeNull();
  });
});

describe('createTopicIndex', () => {
  it('finds exactly the filters that a naive matcher finds, for every small topic', () => {
    const index = createTopicIndex<string>();
    for (const filter of filters) index.add(filter, filter);
    const differing = topics.filter((topic, column) => {
      const expected = filters.filter((filter) => rowOf(filter)[column]).sort();
      return index.match(topic).sort().join('\n') !== expected.join('\n');
    });
    expect(differing).toEqual([]);
  });

  it('gives a value once though several of its filters match', () => {
    const index = createTopicIndex<string>();
    for (const filter of ['a/b', 'a/+', 'a/#', '#', '+/b']) index.add(filter, 'one');
    index.add('a/b', 'two');
    expect(index.match('a/b').sort()).toEqual(['one', 'two']);
    expect(index.size).toBe(6);
  });

  it('forgets what is removed, and only that', () => {
    const index = createTopicIndex<string>();
    index.add('a/+', 'one');
    index.add('a/+', 'one');
    index.add('a/+', 'two');
    index.remove('a/+', 'one');
    index.remove('a/+', 'never there');
    index.remove('b', 'one');
    expect(index.match('a/x')).toEqual(['two']);
    expect(index.size).toBe(1);
    index.remove('a/+', 'two');
    expect(index.match('a/x')).toEqual([]);
    expect(index.size).toBe(0);
  });

  it('hands out arrays of its own, so that a caller may change them', () => {
    const index = createTopicIndex<string>();
    index.add('a', 'one');
    index.match('a').push('intruder');
    expect(index.match('a')).toEqual(['one']);
  });

  it('matches among 10,000 filters and against the deepest topic a publisher can send', () => {
    const index = createTopicIndex<number>();
    for (let id = 0; id < 10_000; id += 1) index.add(`site/${id % 100}/device/${id}/+`, id);
    index.add('#', -1);
    expect(index.match('site/42/device/4242/state').sort()).toEqual([-1, 4242]);
    expect(index.match('/'.repeat(65_535))).toEqual([-1]);
  });
});
