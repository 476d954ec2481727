import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { ApiError } from '../../api/problem';
import type { Page, SampleMessage } from '../../api/types';

export type RecentMessage = SampleMessage & { message_id: string };

/** The newest messages a subscription received; null where the server keeps none. */
export function useRecentMessages(
  productId: number,
  subscriptionId: number | null,
  watch: { every_ms: number | false },
) {
  return useQuery({
    queryKey: ['products', productId, 'subscriptions', subscriptionId, 'recent-messages'],
    queryFn: async ({ signal }): Promise<RecentMessage[] | null> => {
      try {
        const page = await get<Page<RecentMessage>>(
          `/products/${productId}/mqtt-config/subscriptions/${subscriptionId}/recent-messages`,
          { query: { page: 1, page_size: 20 }, signal },
        );
        return page.items;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    enabled: subscriptionId !== null,
    refetchInterval: watch.every_ms,
  });
}
