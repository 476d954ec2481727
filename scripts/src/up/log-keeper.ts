import { copyFileSync, statSync, truncateSync } from 'node:fs';

const LOOK_EVERY_MS = 10_000;
export const LOG_LIMIT_BYTES = 20_000_000;

/**
 * Keeps logs within bounds while they are written to by processes that hold them open for appending: what there is becomes
 * `file.1`, and the file begins again at nothing. A line that is written in that moment may be lost.
 */
export function keepLogsSmall(
  files: readonly string[],
  options: { limit_bytes?: number; every_ms?: number; onFault: (text: string) => void },
): () => void {
  const { limit_bytes = LOG_LIMIT_BYTES, every_ms = LOOK_EVERY_MS, onFault } = options;
  const look = (): void => {
    for (const file of files) {
      try {
        if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= limit_bytes) continue;
        copyFileSync(file, `${file}.1`);
        truncateSync(file, 0);
      } catch (error) {
        onFault(`${file} could not be rotated: ${(error as Error).message}`);
      }
    }
  };
  const timer = setInterval(look, every_ms).unref();
  return () => clearInterval(timer);
}
