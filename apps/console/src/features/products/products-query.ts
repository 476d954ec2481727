import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { Product, ProductStatusSummary } from '../../api/types';

/** All products with their live state; asked again every 5 s while the page is looked at. */
export function useProducts() {
  return useQuery({
    queryKey: keys.products,
    queryFn: async ({ signal }) => {
      const products = await everyPage<Product>('/products', signal);
      return Promise.all(products.map((product) => withStatus(product, signal)));
    },
    refetchInterval: 5_000,
  });
}

/** The list may leave the status out; then it is asked for by itself. */
async function withStatus(product: Product, signal: AbortSignal): Promise<Product> {
  if (product.status) return product;
  const status = await get<ProductStatusSummary>(`/products/${product.id}/mqtt-config/status`, { signal });
  return { ...product, status };
}

export function useProduct(productId: number) {
  return useQuery({
    queryKey: keys.product(productId),
    queryFn: ({ signal }) => get<Product>(`/products/${productId}`, { signal }),
  });
}
