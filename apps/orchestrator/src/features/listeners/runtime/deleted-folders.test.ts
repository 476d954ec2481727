import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDeletedFolders } from './deleted-folders';

it('removes the folders of deleted products, and none that is new', async () => {
  const data_dir = mkdtempSync(join(tmpdir(), 'folders-'));
  const dataSource = { query: async () => [{ slug: 'kept' }] } as never;
  expect(await removeDeletedFolders(dataSource, data_dir)).toEqual([]);
  for (const name of ['kept', 'gone', 'new']) {
    const path = join(data_dir, 'listeners', name);
    mkdirSync(path, { recursive: true });
    if (name !== 'new') utimesSync(path, 1_000, 1_000);
  }
  expect(await removeDeletedFolders(dataSource, data_dir)).toEqual(['gone']);
  expect(readdirSync(join(data_dir, 'listeners')).sort()).toEqual(['kept', 'new']);
  rmSync(data_dir, { recursive: true });
});
