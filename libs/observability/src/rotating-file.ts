import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  path: string;
  /** A file that has reached this many bytes becomes `path.1`, and so on. 10 MiB by default. */
  max_size_bytes?: number;
  /** Files kept in all, the current one included. 5 by default, 1 at least. */
  max_files?: number;
  /** Called when lines were lost, at most once a minute. */
  onTrouble?: (trouble: { error: Error; lost_lines: number }) => void;
}

/** Appends lines to a file that rotates by size. */
export interface RotatingFile {
  /** Returns at once; never throws. */
  write(line: string): void;
  /** Resolves when every line so far is written or lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const TROUBLE_PAUSE_MS = 60_000;

/**
 * Of its own because a log must survive a full disk: lines that cannot be written are counted and dropped, memory stays
 * bounded, and writing continues once the disk has room (winston's file transport writes nothing more after a full disk).
 */
export function createRotatingFile(options: RotatingFileOptions): RotatingFile {
  const { path, max_size_bytes = 10 * 1024 * 1024, onTrouble } = options;
  const max_files = Math.max(1, options.max_files ?? 5);
  let waiting: string[] = [];
  let waitingBytes = 0;
  let handle: FileHandle | null = null;
  let size = 0;
  let writing: Promise<void> | null = null;
  let lostLines = 0;
  let lastTrouble = Number.NEGATIVE_INFINITY;

  async function append(batch: readonly string[]): Promise<void> {
    if (handle === null) {
      await mkdir(dirname(path), { recursive: true });
      handle = await open(path, 'a', 0o640);
      size = (await handle.stat()).size;
    }
    let chunk = '';
    let chunkBytes = 0;
    for (const line of batch) {
      const bytes = Buffer.byteLength(line);
      if (size + chunkBytes > 0 && size + chunkBytes + bytes > max_size_bytes) {
        await handle.appendFile(chunk);
        chunk = '';
        chunkBytes = 0;
        handle = await rotate(handle);
        size = 0;
      }
      chunk += line;
      chunkBytes += bytes;
    }
    await handle.appendFile(chunk);
    size += chunkBytes;
  }

  async function rotate(current: FileHandle): Promise<FileHandle> {
    handle = null;
    await current.close();
    if (max_files === 1) return open(path, 'w', 0o640);
    for (let n = max_files - 2; n >= 1; n -= 1) await renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
    await renameIfThere(path, `${path}.1`);
    return open(path, 'a', 0o640);
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      waitingBytes = 0;
      try {
        await append(batch);
      } catch (error) {
        lostLines += batch.length;
        // The file may have been moved or its volume remounted: start over with the next batch.
        const broken = handle;
        handle = null;
        await broken?.close().catch(report);
        report(error as Error);
      }
    }
    writing = null;
  }

  function report(error: Error): void {
    if (performance.now() - lastTrouble < TROUBLE_PAUSE_MS) return;
    lastTrouble = performance.now();
    onTrouble?.({ error, lost_lines: lostLines });
    lostLines = 0;
  }

  const flush = async (): Promise<void> => {
    while (writing !== null) await writing;
  };

  return {
    write(line) {
      if (waitingBytes > MAX_WAITING_BYTES) {
        lostLines += 1;
        return;
      }
      const text = line.endsWith('\n') ? line : `${line}\n`;
      waiting.push(text);
      waitingBytes += text.length;
      writing ??= Promise.resolve().then(drain);
    },
    flush,
    async close() {
      await flush();
      await handle?.close();
      handle = null;
    },
  };
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
