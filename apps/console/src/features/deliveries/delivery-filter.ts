import type { DeliveryState } from '../../api/types';
import { instantOf } from '../../components/local-moment';

export const DELIVERY_STATES = ['dead', 'retrying', 'in_flight'] as const satisfies readonly DeliveryState[];

/** What the list is narrowed to; the times as local moments, or empty. */
export interface DeliveryFilter {
  state: DeliveryState;
  subscription_id: number | null;
  error: string;
  from: string;
  to: string;
}

/** Reads the filter from the address, where it lives. */
export function filterIn(parameters: URLSearchParams): DeliveryFilter {
  const state = DELIVERY_STATES.find((one) => one === parameters.get('state')) ?? 'dead';
  const subscription = Number(parameters.get('subscription'));
  return {
    state,
    subscription_id: Number.isInteger(subscription) && subscription > 0 ? subscription : null,
    error: parameters.get('error') ?? '',
    from: parameters.get('from') ?? '',
    to: parameters.get('to') ?? '',
  };
}

export function isFiltered(filter: DeliveryFilter): boolean {
  return filter.subscription_id !== null || filter.error !== '' || filter.from !== '' || filter.to !== '';
}

/** The filter as the API takes it, without what is not set. */
export function filterBody(filter: DeliveryFilter): {
  subscription_id?: number;
  error?: string;
  from?: string;
  to?: string;
} {
  const from = instantOf(filter.from);
  const to = instantOf(filter.to);
  return {
    ...(filter.subscription_id !== null ? { subscription_id: filter.subscription_id } : {}),
    ...(filter.error !== '' ? { error: filter.error } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  };
}
