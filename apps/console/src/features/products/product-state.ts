import type { ProductOverview } from '../../api/types';
import { type AnyState, asState, severityOf, toneOf } from '../../components/state-language';

type Listed = Pick<ProductOverview, 'name' | 'slug' | 'description' | 'enabled' | 'state' | 'dead_letters'>;

/** State of a product as people think of it: switched off comes before what its listener says. */
export function stateOfProduct(product: Listed): AnyState {
  if (!product.enabled) return 'paused';
  return asState(product.state);
}

/** Does somebody have to look at its connection? */
export function isConnectionProblem(product: Listed): boolean {
  const tone = toneOf(stateOfProduct(product));
  return tone === 'bad' || tone === 'warn';
}

/** Does somebody have to look at it? Given-up deliveries need a person too, however well the connection is. */
export function isProblem(product: Listed): boolean {
  return isConnectionProblem(product) || (product.dead_letters ?? 0) > 0;
}

/** Problems first, then what is on its way, what is off, what is healthy; by name within each. */
export function byUrgency(a: Listed, b: Listed): number {
  return urgencyOf(a) - urgencyOf(b) || a.name.localeCompare(b.name);
}

function urgencyOf(product: Listed): number {
  const by_state = severityOf(stateOfProduct(product));
  return isProblem(product) ? Math.min(by_state, severityOf('degraded')) : by_state;
}

export type ProductFilter = 'all' | 'problems' | 'connected';

export function filterProducts<P extends Listed>(products: P[], search: string, filter: ProductFilter): P[] {
  const needle = search.trim().toLowerCase();
  return products
    .filter((product) => {
      if (filter === 'problems' && !isProblem(product)) return false;
      if (filter === 'connected' && toneOf(stateOfProduct(product)) !== 'ok') return false;
      return [product.name, product.slug, product.description].some((text) => text.toLowerCase().includes(needle));
    })
    .sort(byUrgency);
}

/** How many products are in each state, the worst first. */
export function countStates(products: Listed[]): [state: AnyState, count: number][] {
  const counts = new Map<AnyState, number>();
  for (const product of products) counts.set(stateOfProduct(product), (counts.get(stateOfProduct(product)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => severityOf(a) - severityOf(b));
}
