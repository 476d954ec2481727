import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import type { DeliveryDetail, DeliveryPage, Operation } from '../../api/types';
import { type DeliveryFilter, filterBody } from './delivery-filter';

export const PAGE_SIZE = 50;
const OPERATION_POLL_MS = 500;

/** Those that fit the filter, the newest first. */
export function readDeliveries(
  productId: number,
  filter: DeliveryFilter,
  window: { page: number; page_size: number },
  signal?: AbortSignal,
): Promise<DeliveryPage> {
  return get<DeliveryPage>(`/products/${productId}/deliveries`, {
    query: { state: filter.state, ...filterBody(filter), ...window },
    signal,
  });
}

export function useDeliveries(productId: number, filter: DeliveryFilter, page: number) {
  return useQuery({
    queryKey: [...keys.deliveries(productId), 'list', filter, page],
    queryFn: ({ signal }) => readDeliveries(productId, filter, { page, page_size: PAGE_SIZE }, signal),
    // The page before stays while the next one loads; rows of another state or filter would be untrue.
    placeholderData: (previous, query) => (isSameList(query?.queryKey, filter) ? previous : undefined),
    refetchInterval: filter.state === 'dead' ? 5_000 : 2_000,
  });
}

/** Is it a page of the same list? The filter is the fourth part from the end but one of the key. */
const isSameList = (key: readonly unknown[] | undefined, filter: DeliveryFilter): boolean =>
  JSON.stringify(key?.at(-2)) === JSON.stringify(filter);

export function useDelivery(productId: number, deliveryId: string | null) {
  return useQuery({
    queryKey: [...keys.deliveries(productId), 'one', deliveryId],
    queryFn: ({ signal }) =>
      get<DeliveryDetail>(`/products/${productId}/deliveries/${encodeURIComponent(deliveryId ?? '')}`, { signal }),
    enabled: deliveryId !== null,
    refetchInterval: (query) => (query.state.error ? false : 3_000),
  });
}

export const hasEnded = (operation: Operation): boolean =>
  operation.state === 'finished' || operation.state === 'failed';

/** How far a bulk operation is; asked for until it has ended. */
export function useOperation(productId: number, operationId: string | null) {
  return useQuery({
    queryKey: ['products', productId, 'operations', operationId],
    queryFn: ({ signal }) => get<Operation>(`/products/${productId}/operations/${operationId}`, { signal }),
    enabled: operationId !== null,
    refetchInterval: (query) => (query.state.data && hasEnded(query.state.data) ? false : OPERATION_POLL_MS),
  });
}
