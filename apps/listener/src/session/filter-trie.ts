/**
 * Finds, among many topic filters, those that cover or overlap another filter, without comparing each pair.
 * Same answers as `filterCovers` and `filtersOverlap` of libs/mqtt, for one filter against all (MQTT 5, 4.7).
 */
export class FilterTrie {
  private readonly root = new Node();

  add(filter: string): void {
    let node = this.root;
    for (const level of filter.split('/')) {
      let child = node.children.get(level);
      if (!child) {
        child = new Node();
        node.children.set(level, child);
      }
      node = child;
    }
    node.filter = filter;
  }

  /** Filters that match every topic that `filter` matches; itself too, when it is in. */
  covering(filter: string): string[] {
    const levels = filter.split('/');
    const found: string[] = [];
    const walk = (node: Node, depth: number): void => {
      const level = levels[depth];
      const wildcards_match = depth > 0 || !level?.startsWith('$');
      if (wildcards_match) collectTerminal(node.children.get('#'), found);
      if (level === undefined) {
        collectTerminal(node, found);
        return;
      }
      if (level === '#') {
        // Every topic has a level, so "+/#" is as wide as "#", at the top only.
        if (depth === 0) collectTerminal(node.children.get('+')?.children.get('#'), found);
        return;
      }
      const any = wildcards_match ? node.children.get('+') : undefined;
      if (any) walk(any, depth + 1);
      const literal = level === '+' ? undefined : node.children.get(level);
      if (literal) walk(literal, depth + 1);
    };
    walk(this.root, 0);
    return found;
  }

  /** Filters that match some topic that `filter` matches; itself too, when it is in. */
  overlapping(filter: string): string[] {
    const levels = filter.split('/');
    const found: string[] = [];
    const walk = (node: Node, depth: number): void => {
      const level = levels[depth];
      if (depth > 0 || !level?.startsWith('$')) collectTerminal(node.children.get('#'), found);
      if (level === undefined) {
        collectTerminal(node, found);
        return;
      }
      if (level === '#') {
        collectTerminal(node, found);
        for (const [name, child] of node.children) {
          if (name !== '#' && matchesWildcard(name, depth)) collectAll(child, found);
        }
        return;
      }
      if (level === '+') {
        for (const [name, child] of node.children) {
          if (name !== '#' && matchesWildcard(name, depth)) walk(child, depth + 1);
        }
        return;
      }
      const any = matchesWildcard(level, depth) ? node.children.get('+') : undefined;
      if (any) walk(any, depth + 1);
      const literal = node.children.get(level);
      if (literal) walk(literal, depth + 1);
    };
    walk(this.root, 0);
    return found;
  }
}

class Node {
  readonly children = new Map<string, Node>();
  /** The filter that ends here. */
  filter: string | null = null;
}

/** A wildcard at the top never stands for a level that begins with `$` (MQTT 5, 4.7.2). */
const matchesWildcard = (level: string, depth: number): boolean => depth > 0 || !level.startsWith('$');

function collectTerminal(node: Node | undefined, found: string[]): void {
  if (node?.filter != null) found.push(node.filter);
}

function collectAll(node: Node, found: string[]): void {
  collectTerminal(node, found);
  for (const child of node.children.values()) collectAll(child, found);
}
