import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { Product, ProductOverview } from '../../api/types';

/** All products by name. */
export function useProducts() {
  return useQuery({
    queryKey: keys.products,
    queryFn: ({ signal }) => everyPage<Product>('/products', signal),
  });
}

/** All products with state and traffic, asked again every 5 s while the page is looked at. */
export function useOverview() {
  return useQuery({
    queryKey: keys.overview,
    queryFn: ({ signal }) => everyPage<ProductOverview>('/overview', signal),
    refetchInterval: 5_000,
  });
}

export function useProduct(productId: number) {
  return useQuery({
    queryKey: keys.product(productId),
    queryFn: ({ signal }) => get<Product>(`/products/${productId}`, { signal }),
  });
}
