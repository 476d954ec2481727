/** A node of JSONata's syntax tree, as far as we look at it. Its own typing leaves most of it out. */
export interface SyntaxNode {
  type: string;
  value?: unknown;
  position?: number;
  [part: string]: unknown;
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/**
 * The nodes directly below one. Parts that aren't nodes themselves (pairs of an object, filters of a step, groups, sort
 * terms) are looked through.
 */
export function childNodes(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  const collect = (value: unknown) => {
    if (typeof value !== 'object' || value === null || value instanceof RegExp) return;
    if (Array.isArray(value)) value.forEach(collect);
    else if (isNode(value)) children.push(value);
    else Object.values(value).forEach(collect);
  };
  for (const [part, value] of Object.entries(node)) {
    if (part !== 'slot' && part !== 'ancestor' && part !== 'seekingParent') collect(value);
  }
  return children;
}

/** Visits each node once: `??` and `?:` make JSONata put the same node in two places, which nested grows exponentially. */
export function visitNodes(root: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  const seen = new Set<SyntaxNode>();
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    visit(node);
    pending.push(...childNodes(node));
  }
}

/** Name of the variable a call names, as in `$sum(…)`; null when what is called is something else. */
export function calledName(node: SyntaxNode): string | null {
  const procedure = node.procedure;
  if (!isNode(procedure) || procedure.type !== 'variable' || typeof procedure.value !== 'string') return null;
  return procedure.value;
}
