import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FileFault, type PlainDocument, parseDocuments } from './document-file';
import { resolveSecrets } from './resolve-secrets';

/**
 * Documents of files and folders, secrets resolved; `-` is `stdin`. `{file: …}` is relative to the file that it stands in. Throws
 * FileFault.
 */
export function readDocumentFiles(
  paths: readonly string[],
  { env, stdin }: { env: Readonly<Record<string, string | undefined>>; stdin?: () => string },
): PlainDocument[] {
  return paths.flatMap(filesOf).flatMap((path) => {
    const base = path === '-' ? process.cwd() : dirname(path);
    const readFile = (file: string) => readFileSync(resolve(base, file), 'utf8');
    return parseDocuments(path === '-' ? (stdin?.() ?? '') : read(path), path === '-' ? 'standard input' : path).map(
      (document) => resolveSecrets(document, { env, readFile }),
    );
  });
}

/** A folder stands for its `.yaml`, `.yml` and `.json` files, in order of their names; hidden ones are not looked at. */
function filesOf(path: string): string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new FileFault(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FileFault(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
