import { type Change, type ConfigDraft, type Conflict, changesBetween, mergeDrafts } from './config-draft';

/** Values with the tag of the version they were read at. */
export interface Tagged {
  values: ConfigDraft;
  etag: string | null;
}

/** Something being edited: what it began from, what it is now, and what both sides changed. */
export interface Editing {
  /** What the server had when the form last agreed with it. */
  base: ConfigDraft;
  etag: string | null;
  draft: ConfigDraft;
  conflicts: Conflict[];
}

export type Choices = Record<string, 'mine' | 'theirs'>;

export function beginEditing({ values, etag }: Tagged): Editing {
  return { base: values, draft: values, etag, conflicts: [] };
}

/** Changes that were typed before the page was loaded again, by field; a secret is never among them. */
export type KeptChanges = Record<string, { before: unknown; after: unknown }>;

/** Continues with what was typed before a reload, merged into what the server has now. */
export function resumeEditing(loaded: Tagged, kept: KeptChanges): Editing {
  const known = Object.entries(kept).filter(([field]) => field in loaded.values);
  const base = { ...loaded.values, ...Object.fromEntries(known.map(([field, { before }]) => [field, before])) };
  const draft = { ...base, ...Object.fromEntries(known.map(([field, { after }]) => [field, after])) };
  return rebase({ base, draft, etag: null, conflicts: [] }, loaded).next;
}

export function keptChanges(changes: Change[], isSecret: (field: string) => boolean): KeptChanges {
  return Object.fromEntries(
    changes.filter(({ field }) => !isSecret(field)).map(({ field, before, after }) => [field, { before, after }]),
  );
}

/** Continues from a newer version: fields nobody touched here follow it, the others stay; `taken` names what followed. */
export function rebase(editing: Editing, newest: Tagged): { next: Editing; taken: Change[] } {
  const { merged, conflicts, taken } = mergeDrafts(editing.base, editing.draft, newest.values);
  const stillOpen = editing.conflicts
    .filter((old) => !conflicts.some((conflict) => conflict.field === old.field))
    .map((old) => ({ ...old, mine: merged[old.field], theirs: newest.values[old.field] }));
  return {
    next: { base: newest.values, draft: merged, etag: newest.etag, conflicts: [...stillOpen, ...conflicts] },
    taken,
  };
}

export function resolveConflicts(editing: Editing, choices: Choices): Editing {
  const theirs = editing.conflicts
    .filter(({ field }) => choices[field] === 'theirs')
    .map((conflict) => [conflict.field, conflict.theirs]);
  return { ...editing, draft: { ...editing.draft, ...Object.fromEntries(theirs) }, conflicts: [] };
}

/** Somebody who saves all the time must not keep others from it for ever, nor be fought for ever. */
const MOST_TRIES = 5;

export type SaveOutcome<Saved> =
  | { kind: 'saved'; saved: Saved; taken: Change[] }
  /** `editing` stands upon the newest version; a person has to choose, or to try again. */
  | { kind: 'conflict'; editing: Editing };

/**
 * Saves upon the version that was edited. When somebody was faster (412), what they changed is merged in and the save is
 * retried, until it is done or both have changed the same field.
 */
export async function saveMerged<Saved>(
  editing: Editing,
  server: {
    /** Resolves to null when the version is not the newest any more. */
    write: (changes: Change[], etag: string | null) => Promise<Saved | null>;
    readNewest: () => Promise<Tagged>;
  },
): Promise<SaveOutcome<Saved>> {
  let current = editing;
  const taken: Change[] = [];
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const saved = await server.write(changesBetween(current.base, current.draft), current.etag);
    if (saved !== null) return { kind: 'saved', saved, taken };
    const rebased = rebase(current, await server.readNewest());
    current = rebased.next;
    taken.push(...rebased.taken);
    if (current.conflicts.length > 0) break;
  }
  return { kind: 'conflict', editing: current };
}
