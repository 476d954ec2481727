import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { apiUrl, get } from '../../api/client';
import { keys } from '../../api/keys';
import { openLiveStream } from '../../api/live-stream';
import type { ConnectionEvent, Page } from '../../api/types';
import { mergeEvents } from './merge-events';

const PAGE_SIZE = 25;

interface EventPages {
  pages: Page<ConnectionEvent>[];
  pageParams: unknown[];
}

/** Connection events, newest first; new ones come by server-sent events, older ones a page at a time. */
export function useConnectionEvents(productId: number) {
  const queryClient = useQueryClient();
  const key = keys.events(productId);
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      get<Page<ConnectionEvent>>(`/products/${productId}/mqtt-config/events`, {
        query: { page: pageParam, page_size: PAGE_SIZE },
        signal,
      }),
    initialPageParam: 1,
    getNextPageParam: (last) => (last.page * last.page_size < last.total ? last.page + 1 : undefined),
    refetchInterval: 60_000,
  });
  useEffect(() => {
    if (!Number.isInteger(productId)) return;
    return openLiveStream(apiUrl(`/products/${productId}/mqtt-config/events/stream`), {
      events: {
        'connection-event': (data) => {
          const event = JSON.parse(data) as ConnectionEvent;
          queryClient.setQueryData<EventPages>(keys.events(productId), (held) => {
            const [first, ...older] = held?.pages ?? [];
            if (!held || !first || held.pages.some((page) => page.items.some((one) => one.id === event.id)))
              return held;
            return { ...held, pages: [{ ...first, items: [event, ...first.items], total: first.total + 1 }, ...older] };
          });
        },
      },
      // Opened again, the stream begins with what was missed.
      onCut: () => {},
      onResume: () => void queryClient.invalidateQueries({ queryKey: keys.events(productId) }),
    });
  }, [productId, queryClient]);
  return {
    query,
    events: mergeEvents(query.data?.pages.flatMap((page) => page.items) ?? []),
  };
}
