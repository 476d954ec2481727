import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@cortex-mqtt/observability';
import { deriveDataKey, openBytes, sealBytes } from '@cortex-mqtt/secrets';

export interface SpooledSegment {
  name: string;
  bytes: Buffer;
  messages: number;
  at_ms: number;
}

/** Segments on disk, oldest first, bounded; only the holder of the token can read them. */
export interface SegmentSpool {
  readonly count: number;
  readonly hasRoom: boolean;
  /** False: there is no room, or the disk doesn't take it. */
  add(segment: { bytes: Buffer; messages: number; from_ms: number }): Promise<boolean>;
  oldest(): Promise<SpooledSegment | null>;
  remove(name: string): Promise<void>;
}

const NAME = /^(\d{15})-(\d{6})-(\d+)\.segment$/;

/** `secret`: the listener's token. `max_bytes`: of all files together. */
export function createSegmentSpool({
  directory,
  secret,
  max_bytes,
  logger,
}: {
  directory: string;
  secret: string;
  max_bytes: number;
  logger: Logger;
}): SegmentSpool {
  const key = deriveDataKey(secret, 'recorded messages');
  const files = existing(directory);
  let bytes = files.reduce((sum, { size }) => sum + size, 0);
  let number = 0;

  const forget = async (name: string): Promise<void> => {
    const index = files.findIndex((file) => file.name === name);
    if (index >= 0) bytes -= files.splice(index, 1)[0]?.size ?? 0;
    await rm(join(directory, name), { force: true });
  };

  return {
    get count() {
      return files.length;
    },
    get hasRoom() {
      return bytes < max_bytes;
    },

    async add({ bytes: plain, messages, from_ms }) {
      const name = `${String(from_ms).padStart(15, '0')}-${String(number++ % 1_000_000).padStart(6, '0')}-${messages}.segment`;
      const sealed = sealBytes(plain, { key, place: name });
      if (bytes + sealed.length > max_bytes) return false;
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        await writeFile(join(directory, `${name}.new`), sealed, { mode: 0o600 });
        await rename(join(directory, `${name}.new`), join(directory, name));
      } catch (error) {
        logger.warn('recorded messages could not be kept on disk', { error });
        await rm(join(directory, `${name}.new`), { force: true });
        return false;
      }
      files.push({ name, size: sealed.length });
      bytes += sealed.length;
      return true;
    },

    async oldest() {
      for (;;) {
        const [first] = files;
        if (first === undefined) return null;
        const [, at, , messages] = NAME.exec(first.name) ?? [];
        try {
          const plain = openBytes(await readFile(join(directory, first.name)), { key, place: first.name });
          return { name: first.name, bytes: plain, messages: Number(messages), at_ms: Number(at) };
        } catch (error) {
          // Of another token, or damaged: nobody can read it any more.
          logger.warn('recorded messages on disk cannot be read', { file: first.name, error });
          await forget(first.name);
        }
      }
    },

    remove: forget,
  };
}

function existing(directory: string): { name: string; size: number }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => ({ name, size: statSync(join(directory, name)).size }));
}
