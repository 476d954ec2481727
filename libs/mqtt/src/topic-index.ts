import { Qlobber } from 'qlobber';
import { MAX_TOPIC_BYTES } from './topic-filter';

/** Finds the values whose filters match a topic; the cost follows the topic's levels, not the number of filters. */
export interface TopicIndex<T> {
  /** One value may stand under several filters, one filter may have several values. The filter must be valid. */
  add(filter: string, value: T): void;
  /** Takes this value off this filter; nothing happens when it isn't there. */
  remove(filter: string, value: T): void;
  /** Each value once, however many of its filters match (MQTT 5, 4.7). In no particular order. */
  match(topic: string): T[];
  /** Pairs of filter and value in it. */
  readonly size: number;
}

export function createTopicIndex<T>(): TopicIndex<T> {
  // Two tries, because a filter that begins with a wildcard doesn't match a topic that begins with "$" (4.7.2).
  const literalFirst = buildTrie<T>();
  const wildcardFirst = buildTrie<T>();
  const entries = new Map<string, Set<T>>();
  let size = 0;
  const trieOf = (filter: string) => (/^[+#](\/|$)/.test(filter) ? wildcardFirst : literalFirst);

  return {
    add(filter, value) {
      const values = entries.get(filter) ?? new Set<T>();
      if (values.has(value)) return;
      values.add(value);
      entries.set(filter, values);
      trieOf(filter).add(filter, value);
      size += 1;
    },
    remove(filter, value) {
      const values = entries.get(filter);
      if (!values?.delete(value)) return;
      if (values.size === 0) entries.delete(filter);
      trieOf(filter).remove(filter, value);
      size -= 1;
    },
    match(topic) {
      const literal = literalFirst.match(topic);
      if (topic.startsWith('$')) return withoutRepeats(literal);
      const wildcard = wildcardFirst.match(topic);
      if (literal.length === 0) return withoutRepeats(wildcard);
      if (wildcard.length === 0) return withoutRepeats(literal);
      return [...new Set([...literal, ...wildcard])];
    },
    get size() {
      return size;
    },
  };
}

/** Always a new array: the trie hands out its own when one filter matches. */
const withoutRepeats = <T>(values: readonly T[]): T[] => (values.length < 2 ? values.slice() : [...new Set(values)]);

const buildTrie = <T>() =>
  new Qlobber<T>({
    separator: '/',
    wildcard_one: '+',
    wildcard_some: '#',
    match_empty_levels: true,
    // The default of 100 would throw on a topic that is deeper, and any publisher could send one.
    max_words: MAX_TOPIC_BYTES + 1,
  });
