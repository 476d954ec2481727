import type { ChildProcess } from 'node:child_process';

/** Milliseconds without a sign of life after which a process counts as hanging, and between two looks. */
export const HANG_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 2_000;

/**
 * Watches a child that says every second that its event loop turns, and calls `onHang` once when it has been silent for
 * too long. One that has never said anything, as an older version, is not judged.
 */
export function watchSignsOfLife(
  child: ChildProcess,
  { limit_ms = HANG_LIMIT_MS, onHang }: { limit_ms?: number; onHang: (silent_for_ms: number) => void },
): void {
  const every_ms = Math.min(LOOK_EVERY_MS, limit_ms / 4);
  let heard_ms: number | null = null;
  let looked_ms = Date.now();
  child.on('message', () => {
    heard_ms = Date.now();
  });
  const timer = setInterval(() => {
    const now_ms = Date.now();
    // For as long as this process was held up itself, it could not read what the child said.
    const late_ms = now_ms - looked_ms - every_ms;
    if (heard_ms !== null && late_ms > every_ms) heard_ms = Math.min(now_ms, heard_ms + late_ms);
    looked_ms = now_ms;
    if (heard_ms === null || now_ms - heard_ms < limit_ms) return;
    clearInterval(timer);
    onHang(now_ms - heard_ms);
  }, every_ms).unref();
  child.once('exit', () => clearInterval(timer));
}
