import { useQuery } from '@tanstack/react-query';
import { get, request } from '../../api/client';
import { keys } from '../../api/keys';
import type { ActionType, Subscription } from '../../api/types';

export interface TaggedSubscription {
  subscription: Subscription;
  etag: string | null;
}

export async function readSubscription(
  productId: number,
  id: number,
  signal?: AbortSignal,
): Promise<TaggedSubscription> {
  const { data, etag } = await request<Subscription>('GET', `/products/${productId}/mqtt-config/subscriptions/${id}`, {
    signal,
  });
  return { subscription: data, etag };
}

export function useSubscription(productId: number, id: number) {
  return useQuery({
    queryKey: keys.subscription(productId, id),
    queryFn: ({ signal }) => readSubscription(productId, id, signal),
    refetchInterval: 5_000,
  });
}

export function useActionTypes() {
  return useQuery({
    queryKey: keys.actionTypes,
    queryFn: async ({ signal }) => (await get<{ items: ActionType[] }>('/action-types', { signal })).items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
