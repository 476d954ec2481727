import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import type { DeliveryCounts, Metrics, Uptime } from '../../api/types';
import { boundsOf, type MetricWindow, refreshEvery_ms } from './metric-window';

/** Traffic over time. What is on screen stays while another window is on its way. */
export function useMetrics(productId: number, window: MetricWindow) {
  return useQuery({
    queryKey: keys.metrics(productId, window),
    queryFn: ({ signal }) =>
      get<Metrics>(`/products/${productId}/metrics`, { query: boundsOf(window, Date.now()), signal }),
    refetchInterval: refreshEvery_ms(window),
    placeholderData: (previous) => previous,
  });
}

export function useUptime(productId: number) {
  return useQuery({
    queryKey: keys.uptime(productId),
    queryFn: ({ signal }) => get<Uptime>(`/products/${productId}/mqtt-config/uptime`, { signal }),
    refetchInterval: 60_000,
  });
}

/** How many deliveries wait, run and are dead; an error while the queue is away. */
export function useDeliveryCounts(productId: number) {
  return useQuery({
    queryKey: keys.deliveryCounts(productId),
    queryFn: ({ signal }) => get<DeliveryCounts>(`/products/${productId}/deliveries/counts`, { signal }),
    refetchInterval: 5_000,
  });
}
