import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { Subscription } from '../../api/types';
import { notifyDone } from '../../components/notify';
import { texts } from '../../texts';
import type { ConfigDraft } from '../mqtt-config/config-draft';
import type { Tagged } from '../mqtt-config/merged-editing';
import { type MergedDraft, useMergedDraft } from '../mqtt-config/use-merged-draft';
import { bodyOfDraft, bodyOfNew, draftOfSubscription, EMPTY_DRAFT, type SubscriptionDraft } from './subscription-draft';
import { readSubscription, type TaggedSubscription } from './subscription-query';

export type SubscriptionDraftState = Omit<MergedDraft<TaggedSubscription>, 'draft' | 'set'> & {
  draft: SubscriptionDraft;
  set: (change: Partial<SubscriptionDraft>) => void;
};

/** The form of one subscription; `loaded` is null for a new one. */
export function useSubscriptionDraft(productId: number, loaded: TaggedSubscription | null): SubscriptionDraftState {
  const queryClient = useQueryClient();
  const path = `/products/${productId}/mqtt-config/subscriptions` as const;
  const id = loaded?.subscription.id ?? null;
  const state = useMergedDraft<TaggedSubscription>({
    loaded: useMemo(() => tagged(loaded), [loaded]),
    keepAs: `product ${productId} subscription ${id ?? 'new'}`,
    write: async (changes, ifMatch) => {
      // An answer that is on its way would bring the old values back.
      if (id !== null) await queryClient.cancelQueries({ queryKey: keys.subscription(productId, id), exact: true });
      const changed = Object.fromEntries(
        changes.map(({ field, after }) => [field, after]),
      ) as Partial<SubscriptionDraft>;
      const { data, etag } =
        id === null
          ? await request<Subscription>('POST', path, { body: bodyOfNew({ ...EMPTY_DRAFT, ...changed }) })
          : await request<Subscription>('PUT', `${path}/${id}`, { body: bodyOfDraft(changed), ifMatch });
      const saved = { subscription: data, etag };
      queryClient.setQueryData(keys.subscription(productId, data.id), saved);
      void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
      notifyDone(id === null ? texts.subscription.created(data.name) : texts.subscription.saved(data.name));
      return saved;
    },
    readNewest: async () => {
      if (id === null) return tagged(null);
      const newest = await readSubscription(productId, id);
      await queryClient.cancelQueries({ queryKey: keys.subscription(productId, id), exact: true });
      queryClient.setQueryData(keys.subscription(productId, id), newest);
      return tagged(newest);
    },
    savedAs: tagged,
    showsFault: (field) => field in EMPTY_DRAFT || field.startsWith('actions['),
    labelOf: fieldName,
  });
  return { ...state, draft: state.draft as unknown as SubscriptionDraft };
}

function tagged(loaded: TaggedSubscription | null): Tagged {
  const values = loaded ? draftOfSubscription(loaded.subscription) : EMPTY_DRAFT;
  return { values: values as unknown as ConfigDraft, etag: loaded?.etag ?? null };
}

const fieldName = (field: string): string => texts.subscription.fields[field] ?? field;

export function names(changes: { field: string }[]): string {
  return changes.map(({ field }) => fieldName(field)).join(', ');
}
