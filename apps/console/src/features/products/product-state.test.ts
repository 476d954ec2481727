import type { ConnectionState, ProductOverview } from '../../api/types';
import { filterProducts, isProblem, stateOfProduct } from './product-state';

type Listed = Pick<ProductOverview, 'name' | 'slug' | 'description' | 'enabled' | 'state' | 'dead_letters'>;

function buildProduct(name: string, state: ConnectionState, overrides: Partial<Listed> = {}): Listed {
  return { name, slug: name.toLowerCase(), description: '', enabled: true, state, dead_letters: 0, ...overrides };
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

  it('counts given-up deliveries as a problem, also of a product that is connected or switched off', () => {
    const letters = [
      buildProduct('Connected', 'connected', { dead_letters: 3 }),
      buildProduct('Off', 'disconnected', { enabled: false, dead_letters: 1 }),
    ];
    const listed = filterProducts([...products, ...letters], '', 'all').map((product) => product.name);
    expect(listed).toEqual(['Away', 'Down', 'Connected', 'Off', 'Slow', 'Trying', 'Empty', 'Fine']);
    expect(filterProducts(letters, '', 'problems')).toHaveLength(2);
  });

  it('never calls a product a problem that is switched off', () => {
    const off = buildProduct('Off', 'disconnected', { enabled: false });
    expect(stateOfProduct(off)).toBe('paused');
    expect(isProblem(off)).toBe(false);
  });
});
