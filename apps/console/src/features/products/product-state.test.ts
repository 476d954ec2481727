import type { ConnectionState, Product } from '../../api/types';
import { filterProducts, isProblem, stateOfProduct } from './product-state';

function buildProduct(name: string, state: ConnectionState, overrides: Partial<Product> = {}): Product {
  return {
    id: 1,
    name,
    slug: name.toLowerCase(),
    description: '',
    enabled: true,
    variables: {},
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    status: {
      state,
      connected: state === 'connected',
      connection_error: null,
      messages_received: 0,
      last_message_at: null,
      desired_revision: 1,
      applied_revision: 1,
    },
    ...overrides,
  };
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
