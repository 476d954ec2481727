import { useQuery } from '@tanstack/react-query';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { FurtherBroker } from '../../api/types';

/** The brokers to fail over to, with the tag of the version they were read at. */
export interface TaggedBrokers {
  brokers: FurtherBroker[];
  etag: string | null;
}

export async function readBrokers(productId: number, signal?: AbortSignal): Promise<TaggedBrokers> {
  const { data, etag } = await request<{ items: FurtherBroker[] }>('GET', `/products/${productId}/brokers`, { signal });
  return { brokers: data.items, etag };
}

/** Asked for often: which of them is in use changes by itself. */
export function useBrokers(productId: number) {
  return useQuery({
    queryKey: keys.brokers(productId),
    queryFn: ({ signal }) => readBrokers(productId, signal),
    refetchInterval: 5_000,
  });
}
