import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError, faultsByField } from '../../api/problem';
import type { MqttConfigDocument } from '../../api/types';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import { texts } from '../../texts';
import {
  bodyOf,
  type Change,
  type ConfigDraft,
  type Conflict,
  changesBetween,
  draftOf,
  mergeDrafts,
} from './config-draft';
import { readMqttConfig, type TaggedConfig } from './mqtt-config-query';

interface Editing {
  /** What the server had when the form last agreed with it. */
  base: ConfigDraft;
  etag: string | null;
  draft: ConfigDraft;
  conflicts: Conflict[];
}

export interface ConfigDraftState {
  draft: ConfigDraft;
  base: ConfigDraft;
  changes: Change[];
  conflicts: Conflict[];
  faults: Record<string, string>;
  saving: boolean;
  set: (field: string, value: unknown) => void;
  discard: () => void;
  resolve: (choices: Record<string, 'mine' | 'theirs'>) => void;
  /** Resolves to true when everything is saved. */
  save: () => Promise<boolean>;
}

/**
 * The form of a product's configuration. What the server sends while somebody types is merged in field by field: fields
 * nobody touched here follow, typed values (and above all typed secrets) stay, and a field changed on both sides becomes
 * a conflict to choose from.
 */
export function useConfigDraft(productId: number, loaded: TaggedConfig): ConfigDraftState {
  const queryClient = useQueryClient();
  const [editing, setEditing] = useState<Editing>(() => begin(loaded));
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [saving, setSaving] = useState(false);
  const savingRef = useRef(false);

  useEffect(() => {
    if (savingRef.current || loaded.etag === editing.etag) return;
    const { next, taken } = rebase(editing, loaded);
    setEditing(next);
    const hasTyped = changesBetween(editing.base, editing.draft).length > 0;
    if (hasTyped && taken.length > 0) {
      notifyWarning(texts.mqttConfig.refreshedTitle, texts.mqttConfig.refreshed(fieldNames(taken)));
    }
  }, [loaded, editing]);

  const changes = changesBetween(editing.base, editing.draft);

  const save = async (): Promise<boolean> => {
    savingRef.current = true;
    setSaving(true);
    setFaults({});
    let current = editing;
    let taken: Change[] = [];
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const body = bodyOf(changesBetween(current.base, current.draft));
        try {
          const { data, etag } = await request<MqttConfigDocument>('PUT', `/products/${productId}/mqtt-config`, {
            body,
            ifMatch: current.etag,
          });
          const saved = { document: data, etag: etag ?? `"${data.revision}"` };
          queryClient.setQueryData(keys.mqttConfig(productId), saved);
          setEditing(begin(saved));
          if (taken.length > 0) notifyWarning(texts.mqttConfig.mergedTitle, texts.mqttConfig.merged(fieldNames(taken)));
          notifyDone(texts.mqttConfig.saved(data.revision));
          return true;
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 412) throw error;
          const newest = await readMqttConfig(productId);
          const rebased = rebase(current, newest);
          current = rebased.next;
          taken = [...taken, ...rebased.taken];
          setEditing(current);
          queryClient.setQueryData(keys.mqttConfig(productId), newest);
          if (current.conflicts.length > 0) return false;
        }
      }
      return false;
    } catch (error) {
      const byField = faultsByField(error);
      setFaults(byField);
      if (Object.keys(byField).length === 0 || !Object.keys(byField).every((field) => field in current.draft)) {
        notifyFailure(texts.common.saveFailed, error);
      }
      return false;
    } finally {
      savingRef.current = false;
      setSaving(false);
    }
  };

  return {
    draft: editing.draft,
    base: editing.base,
    changes,
    conflicts: editing.conflicts,
    faults,
    saving,
    set: (field, value) => {
      setEditing((state) => ({ ...state, draft: { ...state.draft, [field]: value } }));
      setFaults(({ [field]: _gone, ...others }) => others);
    },
    discard: () => {
      setEditing((state) => ({ ...state, draft: state.base, conflicts: [] }));
      setFaults({});
    },
    resolve: (choices) =>
      setEditing((state) => {
        const draft: Record<string, unknown> = { ...state.draft };
        for (const conflict of state.conflicts) {
          if (choices[conflict.field] === 'theirs') draft[conflict.field] = conflict.theirs;
        }
        return { ...state, draft, conflicts: [] };
      }),
    save,
  };
}

function begin({ document, etag }: TaggedConfig): Editing {
  const base = draftOf(document);
  return { base, draft: base, etag, conflicts: [] };
}

function rebase(editing: Editing, { document, etag }: TaggedConfig): { next: Editing; taken: Change[] } {
  const theirs = draftOf(document);
  const { merged, conflicts, taken } = mergeDrafts(editing.base, editing.draft, theirs);
  const stillOpen = editing.conflicts
    .filter((old) => !conflicts.some((conflict) => conflict.field === old.field))
    .map((old) => ({ ...old, mine: merged[old.field], theirs: theirs[old.field] }));
  return { next: { base: theirs, draft: merged, etag, conflicts: [...stillOpen, ...conflicts] }, taken };
}

export function fieldNames(changes: { field: string }[]): string {
  return changes.map(({ field }) => texts.mqttConfig.fields[field] ?? field).join(', ');
}
