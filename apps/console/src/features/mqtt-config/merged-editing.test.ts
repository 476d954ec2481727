import type { Change } from './config-draft';
import {
  beginEditing,
  type Editing,
  keptChanges,
  rebase,
  resolveConflicts,
  resumeEditing,
  saveMerged,
  type Tagged,
} from './merged-editing';

/** A server with one document, which refuses what was made upon an older version. */
function startServer(values: Record<string, unknown>) {
  let revision = 1;
  let stored = values;
  const read = async (): Promise<Tagged> => ({ values: stored, etag: String(revision) });
  const change = (fields: Record<string, unknown>) => {
    stored = { ...stored, ...fields };
    revision += 1;
  };
  return {
    read,
    change,
    stored: () => stored,
    write: async (changes: Change[], etag: string | null): Promise<number | null> => {
      if (etag !== String(revision)) return null;
      change(Object.fromEntries(changes.map(({ field, after }) => [field, after])));
      return revision;
    },
  };
}

const edit = (editing: Editing, fields: Record<string, unknown>): Editing => ({
  ...editing,
  draft: { ...editing.draft, ...fields },
});

describe('saving upon a version that is not the newest', () => {
  it('merges what somebody else changed in other fields, and names it', async () => {
    const server = startServer({ host: 'a', port: 1, prefix: 'x' });
    const editing = edit(beginEditing(await server.read()), { prefix: 'mine' });
    server.change({ host: 'theirs' });
    const outcome = await saveMerged(editing, { write: server.write, readNewest: server.read });
    expect(outcome).toMatchObject({ kind: 'saved', taken: [{ field: 'host', after: 'theirs' }] });
    expect(server.stored()).toEqual({ host: 'theirs', port: 1, prefix: 'mine' });
  });

  it('stops where both changed the same field, and saves what is chosen', async () => {
    const server = startServer({ host: 'a', port: 1 });
    const editing = edit(beginEditing(await server.read()), { host: 'mine' });
    server.change({ host: 'theirs', port: 2 });
    const outcome = await saveMerged(editing, { write: server.write, readNewest: server.read });
    if (outcome.kind !== 'conflict') throw new Error('it was saved');
    expect(outcome.editing.conflicts).toEqual([{ field: 'host', base: 'a', mine: 'mine', theirs: 'theirs' }]);
    expect(server.stored().host).toBe('theirs');

    await saveMerged(resolveConflicts(outcome.editing, { host: 'mine' }), {
      write: server.write,
      readNewest: server.read,
    });
    expect(server.stored()).toEqual({ host: 'mine', port: 2 });
  });

  it('gives up against somebody who is always faster', async () => {
    const server = startServer({ host: 'a', port: 1 });
    const editing = edit(beginEditing(await server.read()), { host: 'mine' });
    const outcome = await saveMerged(editing, {
      write: async (changes, etag) => {
        server.change({ port: Number(server.stored().port) + 1 });
        return server.write(changes, etag);
      },
      readNewest: server.read,
    });
    expect(outcome.kind).toBe('conflict');
    expect(server.stored().host).toBe('a');
  });
});

describe('a refresh while somebody types', () => {
  it('keeps what was typed, secrets above all, and follows in the other fields', () => {
    const typed = { kind: 'replace', value: 'typed once' };
    const base = { host: 'a', password: { kind: 'keep' } };
    const editing = edit(beginEditing({ values: base, etag: '1' }), { password: typed });
    const { next, taken } = rebase(editing, { values: { ...base, host: 'b' }, etag: '2' });
    expect(next).toMatchObject({ etag: '2', draft: { host: 'b', password: typed }, conflicts: [] });
    expect(taken.map(({ field }) => field)).toEqual(['host']);
  });

  it('keeps a conflict open until it is chosen, with their newest value', () => {
    const editing = edit(beginEditing({ values: { host: 'a' }, etag: '1' }), { host: 'mine' });
    const once = rebase(editing, { values: { host: 'theirs' }, etag: '2' }).next;
    const twice = rebase(once, { values: { host: 'theirs again' }, etag: '3' }).next;
    expect(twice.conflicts).toMatchObject([{ field: 'host', mine: 'mine', theirs: 'theirs again' }]);
    expect(resolveConflicts(twice, { host: 'theirs' }).draft).toEqual({ host: 'theirs again' });
  });
});

describe('continuing after a reload', () => {
  const kept = { host: { before: 'a', after: 'mine' } };

  it('puts what was typed onto what the server has, and takes what others changed', () => {
    const resumed = resumeEditing({ values: { host: 'a', port: 2 }, etag: '7' }, kept);
    expect(resumed).toEqual({
      base: { host: 'a', port: 2 },
      draft: { host: 'mine', port: 2 },
      etag: '7',
      conflicts: [],
    });
  });

  it('asks where somebody else changed the same field meanwhile', () => {
    const { conflicts } = resumeEditing({ values: { host: 'theirs' }, etag: '7' }, kept);
    expect(conflicts).toEqual([{ field: 'host', base: 'a', mine: 'mine', theirs: 'theirs' }]);
  });

  it('never keeps a secret, and ignores a field that is not there any more', () => {
    const changes = [
      { field: 'host', before: 'a', after: 'mine' },
      { field: 'password', before: null, after: 'hunter2' },
    ];
    expect(keptChanges(changes, (field) => field === 'password')).toEqual(kept);
    expect(resumeEditing({ values: { port: 1 }, etag: '7' }, kept).draft).toEqual({ port: 1 });
  });
});
