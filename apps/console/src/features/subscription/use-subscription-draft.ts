import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError, faultsByField } from '../../api/problem';
import type { Subscription } from '../../api/types';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import { texts } from '../../texts';
import { type Change, type ConfigDraft, type Conflict, changesBetween, mergeDrafts } from '../mqtt-config/config-draft';
import { bodyOfDraft, draftOfSubscription, EMPTY_DRAFT, type SubscriptionDraft } from './subscription-draft';
import { readSubscription, type TaggedSubscription } from './subscription-query';

interface Editing {
  base: SubscriptionDraft;
  draft: SubscriptionDraft;
  etag: string | null;
  conflicts: Conflict[];
}

export interface SubscriptionDraftState {
  draft: SubscriptionDraft;
  changes: Change[];
  conflicts: Conflict[];
  faults: Record<string, string>;
  saving: boolean;
  set: (change: Partial<SubscriptionDraft>) => void;
  replace: (draft: SubscriptionDraft) => void;
  discard: () => void;
  resolve: (choices: Record<string, 'mine' | 'theirs'>) => void;
  /** The saved subscription; null when something is in the way. */
  save: () => Promise<Subscription | null>;
}

/** The form of one subscription; a change by somebody else is merged in like that of the configuration. */
export function useSubscriptionDraft(productId: number, loaded: TaggedSubscription | null): SubscriptionDraftState {
  const queryClient = useQueryClient();
  const [editing, setEditing] = useState<Editing>(() => begin(loaded));
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [saving, setSaving] = useState(false);
  const savingRef = useRef(false);

  useEffect(() => {
    if (!loaded || savingRef.current || loaded.etag === editing.etag) return;
    const { next, taken } = rebase(editing, loaded);
    setEditing(next);
    if (taken.length > 0 && changesBetween(flat(editing.base), flat(editing.draft)).length > 0) {
      notifyWarning(texts.mqttConfig.refreshedTitle, texts.mqttConfig.refreshed(names(taken)));
    }
  }, [loaded, editing]);

  const changes = changesBetween(flat(editing.base), flat(editing.draft));

  const write = async (current: Editing): Promise<{ saved: TaggedSubscription } | { newest: TaggedSubscription }> => {
    const path = `/products/${productId}/mqtt-config/subscriptions` as const;
    if (!loaded) {
      const { data, etag } = await request<Subscription>('POST', path, { body: bodyOfDraft(current.draft) });
      return { saved: { subscription: data, etag } };
    }
    const changed = changesBetween(flat(current.base), flat(current.draft)).map(({ field, after }) => [field, after]);
    const { id } = loaded.subscription;
    try {
      const { data, etag } = await request<Subscription>('PUT', `${path}/${id}`, {
        body: bodyOfDraft(Object.fromEntries(changed) as Partial<SubscriptionDraft>),
        ifMatch: current.etag,
      });
      return { saved: { subscription: data, etag } };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      return { newest: await readSubscription(productId, id) };
    }
  };

  const save = async (): Promise<Subscription | null> => {
    savingRef.current = true;
    setSaving(true);
    setFaults({});
    let current = editing;
    let taken: Change[] = [];
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const answer = await write(current);
        if ('saved' in answer) {
          const { saved } = answer;
          setEditing(begin(saved));
          queryClient.setQueryData(keys.subscription(productId, saved.subscription.id), saved);
          void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
          if (taken.length > 0) notifyWarning(texts.mqttConfig.mergedTitle, texts.mqttConfig.merged(names(taken)));
          const { name } = saved.subscription;
          notifyDone(loaded ? texts.subscription.saved(name) : texts.subscription.created(name));
          return saved.subscription;
        }
        const rebased = rebase(current, answer.newest);
        current = rebased.next;
        taken = [...taken, ...rebased.taken];
        setEditing(current);
        if (current.conflicts.length > 0) return null;
      }
      return null;
    } catch (error) {
      const byField = faultsByField(error);
      setFaults(byField);
      const isShown = (field: string) => field in EMPTY_DRAFT || field.startsWith('actions[');
      const fields = Object.keys(byField);
      if (fields.length === 0 || !fields.every(isShown)) notifyFailure(texts.common.saveFailed, error);
      return null;
    } finally {
      savingRef.current = false;
      setSaving(false);
    }
  };

  return {
    draft: editing.draft,
    changes,
    conflicts: editing.conflicts,
    faults,
    saving,
    set: (change) => {
      setEditing((state) => ({ ...state, draft: { ...state.draft, ...change } }));
      setFaults((all) =>
        Object.fromEntries(
          Object.entries(all).filter(
            ([field]) => !Object.keys(change).some((name) => field === name || field.startsWith(`${name}[`)),
          ),
        ),
      );
    },
    replace: (draft) => {
      setEditing((state) => ({ ...state, draft }));
      setFaults({});
    },
    discard: () => {
      setEditing((state) => ({ ...state, draft: state.base, conflicts: [] }));
      setFaults({});
    },
    resolve: (choices) =>
      setEditing((state) => {
        const theirs = state.conflicts
          .filter(({ field }) => choices[field] === 'theirs')
          .map((one) => [one.field, one.theirs]);
        return { ...state, draft: { ...state.draft, ...Object.fromEntries(theirs) }, conflicts: [] };
      }),
    save,
  };
}

function begin(loaded: TaggedSubscription | null): Editing {
  const base = loaded ? draftOfSubscription(loaded.subscription) : EMPTY_DRAFT;
  return { base, draft: base, etag: loaded?.etag ?? null, conflicts: [] };
}

function rebase(editing: Editing, { subscription, etag }: TaggedSubscription): { next: Editing; taken: Change[] } {
  const theirs = draftOfSubscription(subscription);
  const { merged, conflicts, taken } = mergeDrafts(flat(editing.base), flat(editing.draft), flat(theirs));
  const kept = editing.conflicts.filter((old) => !conflicts.some((conflict) => conflict.field === old.field));
  return {
    next: { base: theirs, draft: merged as unknown as SubscriptionDraft, etag, conflicts: [...kept, ...conflicts] },
    taken,
  };
}

const flat = (draft: SubscriptionDraft): ConfigDraft => draft as unknown as ConfigDraft;

export function names(changes: { field: string }[]): string {
  return changes.map(({ field }) => texts.subscription.fields[field] ?? field).join(', ');
}
