import { filterCovers, filtersOverlap } from '@cortex-mqtt/mqtt';
import { FilterTrie } from './filter-trie';

/** Every filter of up to three levels over a few level names, wildcards and `$`. */
function allFilters(): string[] {
  const levels = ['a', 'b', '', '+', '$s'];
  const filters: string[] = [];
  const extend = (prefix: string[]): void => {
    for (const level of levels) {
      const next = [...prefix, level];
      filters.push(next.join('/'));
      if (next.length < 3) extend(next);
    }
    filters.push([...prefix, '#'].join('/'));
  };
  extend([]);
  return filters.filter((filter) => filter !== '');
}

it('agrees with the comparison of each pair, over every small filter', () => {
  const filters = allFilters();
  const trie = new FilterTrie();
  for (const filter of filters) trie.add(filter);
  const differences: string[] = [];
  for (const filter of filters) {
    const covering = new Set(trie.covering(filter));
    const overlapping = new Set(trie.overlapping(filter));
    for (const other of filters) {
      if (covering.has(other) !== filterCovers(other, filter)) differences.push(`${other} covers ${filter}`);
      if (overlapping.has(other) !== filtersOverlap(other, filter)) differences.push(`${other} overlaps ${filter}`);
    }
  }
  expect(filters.length).toBeGreaterThan(150);
  expect(differences).toEqual([]);
});
