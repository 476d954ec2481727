import { useEffect, useRef, useState } from 'react';
import { ApiError, faultsByField } from '../../api/problem';
import { readKept, useKept } from '../../components/kept-draft';
import { notifyFailure, notifyWarning } from '../../components/notify';
import { texts } from '../../texts';
import { type Change, type ConfigDraft, type Conflict, changesBetween, isSecretField } from './config-draft';
import {
  beginEditing,
  type Choices,
  type KeptChanges,
  keptChanges,
  rebase,
  resolveConflicts,
  resumeEditing,
  saveMerged,
  type Tagged,
} from './merged-editing';

export interface MergedDraft<Saved> {
  draft: ConfigDraft;
  base: ConfigDraft;
  changes: Change[];
  conflicts: Conflict[];
  /** What the server found wrong, by field. */
  faults: Record<string, string>;
  saving: boolean;
  /** Counts up when what was typed is done with: saved, discarded or decided upon. */
  generation: number;
  set: (fields: Record<string, unknown>) => void;
  discard: () => void;
  resolve: (choices: Choices) => void;
  save: () => Promise<SaveResult<Saved>>;
}

/** `conflict`: to be chosen. `failed`: the reason is in `faults` or has been told. */
export type SaveResult<Saved> = { kind: 'saved'; saved: Saved } | { kind: 'conflict' } | { kind: 'failed' };

interface Source<Saved> {
  loaded: Tagged;
  /** Sends the changes. @throws ApiError 412 when `etag` is not the newest version. */
  write: (changes: Change[], etag: string | null) => Promise<Saved>;
  readNewest: () => Promise<Tagged>;
  /** What was saved, as the new beginning. */
  savedAs: (saved: Saved) => Tagged;
  /** Whether the form shows the fault of a field itself. */
  showsFault: (field: string) => boolean;
  labelOf: (field: string) => string;
  /** What stands before the API's name of a field to make the draft's. */
  faultPrefix?: string;
  /** Name under which what is typed survives a reload of this tab, without its secrets. */
  keepAs: string;
}

/**
 * The draft of a form. What the server sends while somebody types is merged in field by field: fields nobody touched here
 * follow, typed values (and above all typed secrets) stay, and a field changed on both sides becomes a conflict to choose
 * from. Saving goes the same way.
 */
export function useMergedDraft<Saved>(source: Source<Saved>): MergedDraft<Saved> {
  const { loaded, labelOf } = source;
  const [editing, setEditing] = useState(() =>
    resumeEditing(loaded, readKept<KeptChanges>(source.keepAs) as KeptChanges),
  );
  const [generation, setGeneration] = useState(0);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [saving, setSaving] = useState(false);
  const isSaving = useRef(false);
  /** Versions that have been merged in: what is cached may still be one of them after a save has read a newer one. */
  const seen = useRef(new Set<string | null>());
  const changes = changesBetween(editing.base, editing.draft);
  useKept(source.keepAs, keptChanges(changes, isSecretField));
  const namesOf = (fields: Change[]) => fields.map(({ field }) => labelOf(field)).join(', ');
  const renew = () => setGeneration((number) => number + 1);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is loaded is merged in once
  useEffect(() => {
    // Without a tag it is a new one, which nobody else can change.
    seen.current.add(editing.etag);
    if (isSaving.current || loaded.etag === null || seen.current.has(loaded.etag)) return;
    const { next, taken } = rebase(editing, loaded);
    setEditing(next);
    if (changes.length > 0 && taken.length > 0) {
      notifyWarning(texts.mqttConfig.refreshedTitle, texts.mqttConfig.refreshed(namesOf(taken)));
    }
  }, [loaded, editing]);

  const save = async (): Promise<SaveResult<Saved>> => {
    isSaving.current = true;
    setSaving(true);
    setFaults({});
    try {
      const outcome = await saveMerged<Saved>(editing, {
        write: (changed, etag) => source.write(changed, etag).catch(nullWhenOutdated),
        readNewest: source.readNewest,
      });
      if (outcome.kind === 'conflict') {
        setEditing(outcome.editing);
        return { kind: 'conflict' };
      }
      renew();
      setEditing(beginEditing(source.savedAs(outcome.saved)));
      if (outcome.taken.length > 0) {
        notifyWarning(texts.mqttConfig.mergedTitle, texts.mqttConfig.merged(namesOf(outcome.taken)));
      }
      return { kind: 'saved', saved: outcome.saved };
    } catch (error) {
      const byField = withPrefix(source.faultPrefix ?? '', faultsByField(error));
      setFaults(byField);
      const fields = Object.keys(byField);
      if (fields.length === 0 || !fields.every(source.showsFault)) notifyFailure(texts.common.saveFailed, error);
      return { kind: 'failed' };
    } finally {
      isSaving.current = false;
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
    generation,
    set: (fields) => {
      setEditing((state) => ({ ...state, draft: { ...state.draft, ...fields } }));
      setFaults((all) => withoutFaultsOf(all, Object.keys(fields)));
    },
    discard: () => {
      setEditing((state) => ({ ...state, draft: state.base, conflicts: [] }));
      setFaults({});
      renew();
    },
    resolve: (choices) => {
      setEditing((state) => resolveConflicts(state, choices));
      renew();
    },
    save,
  };
}

const withPrefix = (prefix: string, faults: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(faults).map(([field, fault]) => [prefix + field, fault]));

function nullWhenOutdated(error: unknown): null {
  if (error instanceof ApiError && error.status === 412) return null;
  throw error;
}

/** A fault is gone with the first change of its field, or of the field that it lies in. */
function withoutFaultsOf(faults: Record<string, string>, changed: string[]): Record<string, string> {
  const isGone = (fault: string) =>
    changed.some((field) => fault === field || fault.startsWith(`${field}[`) || fault.startsWith(`${field}.`));
  return Object.fromEntries(Object.entries(faults).filter(([fault]) => !isGone(fault)));
}
