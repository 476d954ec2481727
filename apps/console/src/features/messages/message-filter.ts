import { instantOf } from '../../components/local-moment';

export const OUTCOMES = ['succeeded', 'waiting', 'failed', 'dead', 'filtered', 'paused', 'unmatched'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the messages are narrowed to; the times as local moments, or empty. */
export interface MessageFilter {
  topic: string;
  text: string;
  outcome: Outcome | null;
  subscription_id: number | null;
  from: string;
  to: string;
}

/** Reads the filter from the address, where it lives. */
export function filterIn(parameters: URLSearchParams): MessageFilter {
  const subscription = Number(parameters.get('subscription'));
  return {
    topic: parameters.get('topic') ?? '',
    text: parameters.get('text') ?? '',
    outcome: OUTCOMES.find((one) => one === parameters.get('outcome')) ?? null,
    subscription_id: Number.isInteger(subscription) && subscription > 0 ? subscription : null,
    from: parameters.get('from') ?? '',
    to: parameters.get('to') ?? '',
  };
}

export const isFiltered = (filter: MessageFilter): boolean => Object.keys(filterQuery(filter)).length > 0;

/** The filter as the API takes it, without what is not set. */
export function filterQuery(filter: MessageFilter): Record<string, string> {
  const from = instantOf(filter.from);
  const to = instantOf(filter.to);
  return {
    ...(filter.topic !== '' ? { topic: filter.topic } : {}),
    ...(filter.text !== '' ? { text: filter.text } : {}),
    ...(filter.outcome ? { outcome: filter.outcome } : {}),
    ...(filter.subscription_id !== null ? { subscription_id: String(filter.subscription_id) } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  };
}

/** The same as the selection of a replay, which has no outcome: it says `only` instead. */
export function selectionOf(filter: MessageFilter): Record<string, string | number> {
  const { outcome: _, subscription_id, ...query } = filterQuery(filter);
  return { ...query, ...(subscription_id === undefined ? {} : { subscription_id: Number(subscription_id) }) };
}
