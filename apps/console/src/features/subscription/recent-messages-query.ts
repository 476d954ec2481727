import { skipToken, useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import type { RecentMessages } from '../../api/types';

/** `message_id` tells messages of one answer, and the same message in the next one, apart. */
export type RecentMessage = RecentMessages['items'][number] & { message_id: string };

/** The newest messages a subscription received, newest first; its live listeners are asked for them. */
export function useRecentMessages(
  productId: number,
  subscriptionId: number | null,
  watch: { every_ms: number | false },
) {
  return useQuery({
    queryKey: ['products', productId, 'subscriptions', subscriptionId, 'recent-messages'],
    queryFn:
      subscriptionId === null
        ? skipToken
        : async ({ signal }): Promise<RecentMessage[]> => {
            const path = `/products/${productId}/mqtt-config/subscriptions/${subscriptionId}/recent-messages` as const;
            return withIds((await get<RecentMessages>(path, { query: { limit: 20 }, signal })).items);
          },
    refetchInterval: watch.every_ms,
  });
}

/** Messages carry no id of their own: the time and topic tell them apart, and their order where these are alike. */
export function withIds(items: RecentMessages['items']): RecentMessage[] {
  const alike = new Map<string, number>();
  return items
    .toReversed()
    .map((item) => {
      const key = `${item.received_at} ${item.topic}`;
      const number = alike.get(key) ?? 0;
      alike.set(key, number + 1);
      return { ...item, message_id: `${key} ${number}` };
    })
    .toReversed();
}
