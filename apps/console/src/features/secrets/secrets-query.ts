import { useQuery } from '@tanstack/react-query';
import { everyTaggedPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { ProductSecret } from '../../api/types';

const secretsQuery = (productId: number) => ({
  queryKey: keys.secrets(productId),
  queryFn: ({ signal }: { signal: AbortSignal }) => readSecrets(productId, signal),
});

/** The product's secrets, without values, with the tag of the version they were read at. */
export const readSecrets = (productId: number, signal?: AbortSignal) =>
  everyTaggedPage<ProductSecret>(`/products/${productId}/secrets`, signal);

export function useSecrets(productId: number) {
  return useQuery(secretsQuery(productId));
}

export function useSecretNames(productId: number) {
  return useQuery({ ...secretsQuery(productId), select: ({ value }) => value.map(({ name }) => name) });
}
