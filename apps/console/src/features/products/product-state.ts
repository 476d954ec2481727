import type { ProductOverview } from '../../api/types';
import { type AnyState, asState, severityOf, toneOf } from '../../components/state-language';

type Listed = Pick<ProductOverview, 'name' | 'slug' | 'enabled' | 'state'>;

/** State of a product as people think of it: switched off comes before what its listener says. */
export function stateOfProduct(product: Listed): AnyState {
  if (!product.enabled) return 'paused';
  return asState(product.state);
}

/** Does somebody have to look at it? */
export function isProblem(product: Listed): boolean {
  const tone = toneOf(stateOfProduct(product));
  return tone === 'bad' || tone === 'warn';
}

/** Problems first, then what is on its way, what is off, what is well; by name within each. */
export function byUrgency(a: Listed, b: Listed): number {
  return severityOf(stateOfProduct(a)) - severityOf(stateOfProduct(b)) || a.name.localeCompare(b.name);
}

export type ProductFilter = 'all' | 'problems' | 'connected';

export function filterProducts<P extends Listed>(products: P[], search: string, filter: ProductFilter): P[] {
  const needle = search.trim().toLowerCase();
  return products
    .filter((product) => {
      if (filter === 'problems' && !isProblem(product)) return false;
      if (filter === 'connected' && toneOf(stateOfProduct(product)) !== 'ok') return false;
      return [product.name, product.slug].some((text) => text.toLowerCase().includes(needle));
    })
    .sort(byUrgency);
}
