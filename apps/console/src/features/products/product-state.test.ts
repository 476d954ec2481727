import type { ConnectionState, ProductOverview } from '../../api/types';
import { filterProducts, isProblem, stateOfProduct } from './product-state';

type Listed = Pick<ProductOverview, 'name' | 'slug' | 'enabled' | 'state'>;

function buildProduct(name: string, state: ConnectionState, overrides: Partial<Listed> = {}): Listed {
  return { name, slug: name.toLowerCase(), enabled: true, state, ...overrides };
}

describe('the list of products', () => {
  const products = [
    buildProduct('Fine', 'connected'),
    buildProduct('Slow', 'degraded'),
    buildProduct('Empty', 'no_listener'),
    buildProduct('Down', 'disconnected'),
    buildProduct('Away', 'stale'),
    buildProduct('Trying', 'connecting'),
  ];

  it('puts what needs a person first', () => {
    expect(filterProducts(products, '', 'all').map((product) => product.name)).toEqual([
      'Away',
      'Down',
      'Slow',
      'Trying',
      'Empty',
      'Fine',
    ]);
  });

  it('filters by problem, connection and words', () => {
    expect(filterProducts(products, '', 'problems').map((product) => product.name)).toEqual(['Away', 'Down', 'Slow']);
    expect(filterProducts(products, '', 'connected').map((product) => product.name)).toEqual(['Fine']);
    expect(filterProducts(products, ' DOW', 'all').map((product) => product.name)).toEqual(['Down']);
  });

  it('never calls a product a problem that is switched off', () => {
    const off = buildProduct('Off', 'disconnected', { enabled: false });
    expect(stateOfProduct(off)).toBe('paused');
    expect(isProblem(off)).toBe(false);
  });
});
