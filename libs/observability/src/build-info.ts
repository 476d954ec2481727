import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Which build this is. */
export interface BuildInfo {
  /** Of the nearest `package.json` that has one. */
  version: string;
  /** Full hash, or `unknown`. */
  git_commit: string;
}

/**
 * Version and commit of the program whose files are in or above `directory` (pass `__dirname`).
 * The commit comes from `GIT_COMMIT`, else from a `dist/build-info.json` (`{"git_commit": "…"}`), else from the `.git` folder.
 */
export function buildInfo(options: {
  directory: string;
  env?: Readonly<Record<string, string | undefined>>;
}): BuildInfo {
  const folders = ancestors(options.directory);
  return {
    version: firstOf(folders, (folder) => stringField(join(folder, 'package.json'), 'version')) ?? 'unknown',
    git_commit:
      options.env?.GIT_COMMIT ||
      firstOf(folders, (folder) => stringField(join(folder, 'dist', 'build-info.json'), 'git_commit')) ||
      firstOf(folders, (folder) => commitOf(join(folder, '.git'))) ||
      'unknown',
  };
}

function ancestors(directory: string): string[] {
  const folders: string[] = [];
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    folders.push(folder);
    if (folder === dirname(folder)) return folders;
  }
}

function firstOf(folders: readonly string[], look: (folder: string) => string | null): string | null {
  for (const folder of folders) {
    const found = look(folder);
    if (found !== null) return found;
  }
  return null;
}

function stringField(path: string, field: string): string | null {
  const text = textOf(path);
  if (text === null) return null;
  try {
    const value = (JSON.parse(text) as Record<string, unknown>)[field];
    return typeof value === 'string' && value !== '' ? value : null;
  } catch {
    return null; // half-written or foreign: the next source is asked
  }
}

/** HEAD of a repository without running git (gitrepository-layout(5)): loose and packed refs, worktrees. */
function commitOf(dotGit: string): string | null {
  if (!existsSync(dotGit)) return null;
  // In a worktree or submodule `.git` is a file that names the real folder.
  const pointer = /^gitdir: (.+)$/m.exec(textOf(dotGit) ?? '')?.[1];
  const gitFolder = pointer === undefined ? dotGit : resolve(dirname(dotGit), pointer.trim());
  const head = textOf(join(gitFolder, 'HEAD'))?.trim();
  if (head === undefined) return null;
  const ref = /^ref: (.+)$/.exec(head)?.[1];
  if (ref === undefined) return asHash(head);
  const common = resolve(gitFolder, textOf(join(gitFolder, 'commondir'))?.trim() ?? '.');
  const loose = textOf(join(gitFolder, ref)) ?? textOf(join(common, ref));
  if (loose !== null) return asHash(loose.trim());
  const packed = textOf(join(common, 'packed-refs'))?.split('\n') ?? [];
  return asHash(packed.find((line) => line.endsWith(` ${ref}`))?.split(' ', 1)[0] ?? '');
}

function asHash(text: string): string | null {
  return /^[0-9a-f]{40,64}$/.test(text) ? text : null;
}

/** null when there is no such file, or none that can be read: a build info is never worth failing for. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
