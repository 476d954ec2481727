import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';

/** One that was made just now may belong to a product that is only being created. */
const LEFT_ALONE_MS = 3_600_000;

/** Removes the data folders of listeners whose products do not exist any more. Gives their names. */
export async function removeDeletedFolders(
  dataSource: Pick<DataSource, 'query'>,
  data_dir: string,
  now_ms = Date.now(),
): Promise<string[]> {
  const directory = join(data_dir, 'listeners');
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length === 0) return [];
  const rows = await dataSource.query<{ slug: string }[]>('SELECT slug FROM products');
  const slugs = new Set(rows.map(({ slug }) => slug));
  const removed: string[] = [];
  for (const entry of entries) {
    const path = join(directory, entry);
    if (slugs.has(entry) || now_ms - (await stat(path)).mtimeMs < LEFT_ALONE_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed.push(entry);
  }
  return removed;
}
