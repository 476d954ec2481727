import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get } from '../../api/client';
import { openLiveStream } from '../../api/live-stream';
import type { ArchiveUsage, Message, MessageDetail, Messages, TopicTree } from '../../api/types';
import { type MessageFilter, filterQuery } from './message-filter';

const SHOWN_LIVE = 200;

export const messageKeys = {
  all: (id: number) => ['products', id, 'messages'] as const,
  list: (id: number, filter: MessageFilter) => ['products', id, 'messages', 'list', filter] as const,
};

/** Newest first; every page continues where the one before stopped looking. */
export function useMessages(productId: number, filter: MessageFilter, isEnabled: boolean) {
  return useInfiniteQuery({
    queryKey: messageKeys.list(productId, filter),
    queryFn: ({ pageParam, signal }) =>
      get<Messages>(`/products/${productId}/messages`, {
        query: { ...filterQuery(filter), ...(pageParam === null ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: isEnabled,
  });
}

export function useMessage(productId: number, messageId: string | null) {
  return useQuery({
    queryKey: [...messageKeys.all(productId), 'one', messageId],
    queryFn: ({ signal }) =>
      get<MessageDetail>(`/products/${productId}/messages/${encodeURIComponent(messageId ?? '')}`, { signal }),
    enabled: messageId !== null,
    refetchInterval: (query) => (query.state.data?.outcome === 'waiting' ? 2_000 : false),
  });
}

export function useArchiveUsage(productId: number) {
  return useQuery({
    queryKey: [...messageKeys.all(productId), 'usage'],
    queryFn: ({ signal }) => get<ArchiveUsage>(`/products/${productId}/messages/usage`, { signal }),
    refetchInterval: 10_000,
  });
}

export function useTopics(productId: number, below: string) {
  return useQuery({
    queryKey: [...messageKeys.all(productId), 'topics', below],
    queryFn: ({ signal }) => get<TopicTree>(`/products/${productId}/topics`, { query: { below }, signal }),
    refetchInterval: 5_000,
    placeholderData: (previous) => (previous?.below === below ? previous : undefined),
  });
}

export interface LiveMessages {
  items: Message[];
  left_out: number;
  isCut: boolean;
}

/** Messages as they are recorded, while the page is looked at. */
export function useLiveMessages(productId: number, filter: MessageFilter, isEnabled: boolean): LiveMessages {
  const [live, setLive] = useState<LiveMessages>({ items: [], left_out: 0, isCut: false });
  const query = new URLSearchParams(filterQuery({ ...filter, from: '', to: '' })).toString();
  useEffect(() => {
    if (!isEnabled) return;
    setLive({ items: [], left_out: 0, isCut: false });
    return openLiveStream(`/api/v1/products/${productId}/messages/stream?${query}`, {
      events: {
        messages: (data) => {
          const { items, left_out } = JSON.parse(data) as { items: Message[]; left_out: number };
          setLive((before) => ({
            items: [...[...items].reverse(), ...before.items].slice(0, SHOWN_LIVE),
            left_out: before.left_out + left_out,
            isCut: false,
          }));
        },
      },
      onCut: () => setLive((before) => ({ ...before, isCut: true })),
    });
  }, [productId, query, isEnabled]);
  return live;
}
